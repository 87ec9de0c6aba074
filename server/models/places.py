"""Folders in which programs for language models keep their files, by each program's own environment variable."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final


class Layout(StrEnum):
    """Arrangement of the files in a folder."""

    FILES = "files"
    """GGUF files in folders."""
    HUGGING_FACE = "hugging face"
    """A folder for each repository, with links from snapshots to blobs."""
    OLLAMA = "ollama"
    """Manifests that name blobs by their hash."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with models. ``name`` is the first part of the full names of its models."""

    name: str
    folder: Path
    layout: Layout = Layout.FILES


OWN: Final = "streamui"
"""Name of the models folder, the only one that this program writes to."""

DEFAULT_FOLDER: Final = "models"
"""Name of the models folder in the data folder."""

OLLAMA_SERVICE: Final = Path("/usr/share/ollama/.ollama/models")
"""Folder of Ollama's system service on Linux."""

_POINTER_BYTES: Final = 4096


def models_folder(data: Path, chosen: Path | None) -> Path:
    """Return the models folder: the chosen one, or the one in the data folder."""
    return chosen or data / DEFAULT_FOLDER


def places(models_folder: Path, environ: Mapping[str, str]) -> tuple[Place, ...]:
    """Return every existing folder that may have models. The models folder comes first."""
    every = (Place(OWN, models_folder), *_others(environ))
    found: dict[Path, Place] = {}
    for place in every:
        try:
            if place.folder.is_dir():
                found.setdefault(place.folder.resolve(), place)
        except OSError:
            continue
    return tuple(found.values())


def _others(environ: Mapping[str, str]) -> Iterator[Place]:
    home = Path(environ.get("HOME") or Path("~").expanduser())
    mac = sys.platform == "darwin"
    library = home / "Library"
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    data = library / "Application Support" if mac else Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")

    hugging_face = Path(environ.get("HF_HOME") or cache / "huggingface")
    hub = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    yield Place(
        "huggingface", Path(hub).expanduser() if hub else hugging_face.expanduser() / "hub", Layout.HUGGING_FACE
    )

    if ollama := environ.get("OLLAMA_MODELS"):
        yield Place("ollama", Path(ollama), Layout.OLLAMA)
    else:
        yield Place("ollama", home / ".ollama" / "models", Layout.OLLAMA)
        yield Place("ollama", OLLAMA_SERVICE, Layout.OLLAMA)

    yield Place("lmstudio", _lm_studio(home) / "models")
    yield Place("lmstudio", home / ".cache" / "lm-studio" / "models")  # before version 0.3

    llama = environ.get("LLAMA_CACHE")
    yield Place("llama.cpp", Path(llama) if llama else (library / "Caches" if mac else cache) / "llama.cpp")

    yield Place("gpt4all", data / "nomic.ai" / "GPT4All")
    yield Place("gpt4all", home / ".cache" / "gpt4all")  # its Python package

    yield Place("jan", data / "Jan" / "data" / "llamacpp" / "models")
    yield Place("jan", data / "Jan" / "data" / "models")  # before version 0.6
    yield Place("jan", home / "jan" / "models")  # before version 0.5


def _lm_studio(home: Path) -> Path:
    """Return LM Studio's folder: a file in the home folder names it when it was moved."""
    try:
        with (home / ".lmstudio-home-pointer").open(encoding="utf-8") as file:
            named = file.read(_POINTER_BYTES).strip()
    except (OSError, UnicodeDecodeError):
        named = ""
    return Path(named) if named and "\0" not in named else home / ".lmstudio"
