"""Detection of GGUF files that are not chat models, by their header."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from server.engine.base import ModelError
from server.gguf_header import BROKEN, MAGIC, leading_entries

_TYPES: Final = {
    "adapter": "a LoRA adapter, which only adds to a model",
    "mmproj": "an image or audio projector (mmproj), which only adds to a model",
    "imatrix": "an importance matrix for quantization, not a model",
    "vocab": "a vocabulary without a model",
}
"""Unusable kinds by ``general.type``; a model's is usually ``model``."""

_ARCHITECTURES: Final = {
    "clip": _TYPES["mmproj"],
    "controlvector": "a control vector, which only adds to a model",
    "imatrix": _TYPES["imatrix"],
    "t5": "a translation model, with an encoder",
    "t5encoder": "an embedding model",
    "wavtokenizer-dec": "a part of a speech model",
    "dream": "a diffusion model",
    "llada": "a diffusion model",
    "llada-moe": "a diffusion model",
    "rnd1": "a diffusion model",
}
"""Unusable kinds by ``general.architecture``."""

_RERANKING: Final = 4
"""``pooling_type`` of rerankers, which rate how well a text answers a question. 0 is none; others make embeddings."""


def check_kind(path: Path) -> None:
    """Raise ModelError for a file that is not a chat model. An unreadable header is left to llama.cpp."""
    try:
        with path.open("rb") as file:
            file.seek(len(MAGIC))
            keys = leading_entries(file)
    except (*BROKEN, OSError):
        return
    if problem := problem_with(keys):
        raise ModelError(f"{path}: {problem}")


def problem_with(keys: Mapping[str, Any]) -> str | None:
    """Describe the problem of a file with these keys; None for a chat model."""
    if keys.get("split.no"):
        return f"this is part {keys['split.no'] + 1} of {keys.get('split.count')} of a model; give the first part"
    kind = kind_of(keys)
    architecture = keys.get("general.architecture", "unknown")
    return kind and f"this is {kind} (architecture {architecture}); choose a chat model"


def kind_of(keys: Mapping[str, Any]) -> str | None:
    """Return the kind of a file with these keys; None for a model that may chat."""
    architecture = str(keys.get("general.architecture", ""))
    if kind := _TYPES.get(str(keys.get("general.type"))) or _ARCHITECTURES.get(architecture):
        return kind
    if "adapter.type" in keys:
        return _TYPES["adapter"]
    pooling = keys.get(f"{architecture}.pooling_type")
    if pooling == _RERANKING:
        return "a reranking model"
    if pooling or "bert" in architecture or architecture.endswith(("-embedding", "-embed")):
        return "an embedding model"
    return "a model that reads in both directions" if keys.get(f"{architecture}.attention.causal") is False else None
