"""Contents of the layers that Ollama keeps beside a model's weights: parameters and system prompt.

The layer `template` is not read: it is a program in Go's template language.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from protocol.parameter_table import PARAMETERS, Number, Texts, Whole
from server.engine.model_defaults import ModelDefaults
from server.models.names import ends_with
from server.models.ollama import ollama_models

SAMPLING: Final = (
    *("temperature", "top_k", "top_p", "min_p", "typical_p"),
    *("repeat_penalty", "repeat_last_n", "presence_penalty", "frequency_penalty"),
)
"""Ollama's parameters with the same name and meaning here."""

SOURCE: Final = "Ollama"

FEWEST_CONTEXT: Final = 16
"""Smallest context of a chat, in tokens, as for --context."""

MOST_LAYER: Final = 1 << 20
"""Longest layer that is read, in bytes."""

_VALUES: Final = {parameter.name: parameter.values for parameter in PARAMETERS}


def defaults_in(layers: Mapping[str, Path]) -> ModelDefaults:
    """Return the defaults in the layer `params`; values that can't be used are left out."""
    params = _params(layers)
    context = params.get("num_ctx")
    return ModelDefaults(
        sampling={name: _value(name, params[name]) for name in SAMPLING if _is_valid(name, params.get(name))},
        stop=tuple(params["stop"]) if _is_valid("stop", params.get("stop")) else (),
        context=context if type(context) is int and context >= FEWEST_CONTEXT else None,
        source=SOURCE,
    )


def system_prompt(layers: Mapping[str, Path]) -> str | None:
    """Return the system prompt that comes with a model."""
    return _text(layers, "system").strip() or None


def defaults_of(path: Path, name: str) -> ModelDefaults:
    """Return the defaults of a model whose weights Ollama keeps at ``path``; empty ones for any other file.

    Several models may share the weights. Then the one counts that ``name`` is a name of.
    """
    if path.parent.name != "blobs":
        return ModelDefaults()
    sharing = [model for model in ollama_models(path.parent.parent) if model.path == path]
    named = [model for model in sharing if _is_name(name, f"ollama/{model.name}")]
    chosen = named or sharing
    return defaults_in(chosen[0].layers) if len(chosen) == 1 else ModelDefaults()


def _is_name(text: str, full_name: str) -> bool:
    wanted, full = text.strip("/").casefold(), full_name.casefold()
    return ends_with(full, wanted) or ends_with(full, f"{wanted}:latest")


def _params(layers: Mapping[str, Path]) -> Mapping[str, Any]:
    try:
        params = json.loads(_text(layers, "params"))
    except (ValueError, RecursionError):
        return {}
    return params if isinstance(params, dict) else {}


def _text(layers: Mapping[str, Path], kind: str) -> str:
    try:
        with layers[kind].open("rb") as file:
            return file.read(MOST_LAYER).decode("utf-8", "replace")
    except (KeyError, OSError):
        return ""


def _value(name: str, value: Any) -> float:
    return int(value) if isinstance(_VALUES[name], Whole) else float(value)


def _is_valid(name: str, value: object) -> bool:
    match _VALUES[name]:
        case Whole(low, high):
            return type(value) is int and low <= value <= high
        case Number(low, high, above):
            if not isinstance(value, int | float) or isinstance(value, bool):
                return False
            return (low < value if above else low <= value) and value <= high
        case Texts(fewest, most, longest):
            return (
                isinstance(value, list)
                and fewest <= len(value) <= most
                and all(isinstance(text, str) and 0 < len(text) <= longest for text in value)
            )
    return False
