"""Ollama's models: manifests that name their layers by hash. Format: its registry, after OCI image manifests."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MEDIA: Final = "application/vnd.ollama.image."
"""Prefix of the type of a layer; ``model``, ``template``, ``system`` or ``params`` follows."""

REGISTRY: Final = "registry.ollama.ai"
LIBRARY: Final = "library"
"""Registry and owner that Ollama itself leaves out of a model's name."""

MOST_MANIFEST: Final = 1 << 20
"""Longest manifest that is read, in bytes. Real ones have about one kilobyte."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """A model as ``ollama list`` names it. ``layers``: its other files by kind, such as ``template``."""

    name: str
    path: Path
    layers: Mapping[str, Path]


def ollama_models(folder: Path) -> Iterator[OllamaModel]:
    """Yield the models whose manifest can be read and whose weights exist."""
    root = folder / "manifests"
    for parent, folders, files in os.walk(root):
        folders.sort()
        for file in sorted(files):
            manifest = Path(parent) / file
            parts = manifest.relative_to(root).parts
            layers = dict(_layers(manifest, folder / "blobs"))
            weights = layers.pop("model", None)
            if len(parts) == 4 and weights is not None and weights.is_file():
                yield OllamaModel(_name(*parts), weights, layers)


def _name(registry: str, owner: str, model: str, tag: str) -> str:
    shown = [part for part, usual in ((registry, REGISTRY), (owner, LIBRARY)) if part != usual]
    return "/".join([*shown, f"{model}:{tag}"])


def _layers(manifest: Path, blobs: Path) -> Iterator[tuple[str, Path]]:
    for layer in _read(manifest):
        kind, digest = (layer.get("mediaType"), layer.get("digest")) if isinstance(layer, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(digest, str) or not kind.startswith(MEDIA):
            continue
        if _DIGEST.fullmatch(digest):  # otherwise it could name a file anywhere
            yield kind.removeprefix(MEDIA), blobs / digest.replace(":", "-")


def _read(manifest: Path) -> list[Any]:
    try:
        with manifest.open("rb") as file:
            text = file.read(MOST_MANIFEST)
        layers = json.loads(text)["layers"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    return layers if isinstance(layers, list) else []
