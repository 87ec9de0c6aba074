"""Files in the models' folders that may be models, with a name for each. Only names are read here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from server.engine.gguf_parts import PART
from server.models.header_facts import printable
from server.models.names import SUFFIX
from server.models.ollama import ollama_models
from server.models.places import Layout, Place

UNFINISHED: Final = "incomplete-"
"""GPT4All's mark of a download that is not finished."""

GENERIC: Final = ("model",)
"""File names that say nothing: Jan names the folder after the model, and the file always ``model.gguf``."""

DEEPEST: Final = 6
"""Folders below a place that are searched."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be a model. ``name`` has the place first, with a slash between its parts.

    ``layers``: further files that Ollama keeps for the model, by their kind.
    """

    place: Place
    name: str
    path: Path
    layers: Mapping[str, Path] = field(default_factory=dict)


def candidates(place: Place) -> Iterator[Candidate]:
    """Yield the files of ``place``, also each part of a split model. Older versions of a repository are left out."""
    if place.layout is Layout.OLLAMA:
        for model in ollama_models(place.folder):
            yield Candidate(place, f"{place.name}/{printable(model.name)}", model.path, model.layers)
        return
    found = _hugging_face(place) if place.layout is Layout.HUGGING_FACE else _files(place.folder)
    folders: dict[str, Path] = {}
    for path, parents in found:
        stem = _stem(path)
        parts = parents if stem in GENERIC and parents else (*parents, stem)
        name = printable("/".join((place.name, *parts)))
        if place.layout is not Layout.HUGGING_FACE or folders.setdefault(name, path.parent) == path.parent:
            yield Candidate(place, name, path)


def _files(folder: Path, below: tuple[str, ...] = ()) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield the files with the names of the folders above them. Links to folders are not followed."""
    folders: list[os.DirEntry[str]] = []
    for entry in _sorted(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry)
        elif entry.name.lower().endswith(SUFFIX) and not entry.name.startswith(UNFINISHED):
            yield Path(entry.path), below
    for entry in folders if len(below) < DEEPEST else ():
        yield from _files(Path(entry.path), (*below, entry.name))


def _hugging_face(place: Place) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield the files of each repository's snapshots, the one of ``main`` first."""
    for entry in _sorted(place.folder):
        if not entry.name.startswith("models--") or not entry.is_dir(follow_symlinks=False):
            continue
        repository = tuple(entry.name.split("--")[1:])
        main = _first_line(Path(entry.path) / "refs" / "main")
        snapshots = sorted(_sorted(Path(entry.path) / "snapshots"), key=lambda each: each.name != main)
        for snapshot in snapshots:
            for path, below in _files(Path(snapshot.path)):
                yield path, (*repository, *below)


def _stem(path: Path) -> str:
    part = PART.fullmatch(path.name)
    return part["name"] if part else path.name[: -len(SUFFIX)]


def _sorted(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:  # it vanished, or belongs to another user
        return []


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(100).strip()
    except (OSError, UnicodeDecodeError):
        return ""
