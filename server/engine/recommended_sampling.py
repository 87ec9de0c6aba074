"""Sampling that a model's makers recommend: the model file's own, otherwise from a table of well-known models."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from server.engine.base import SamplingParams

MOST_RECOMMENDED: Final = 2**31
"""Exclusive upper bound for the sampling parameters in a model file."""

NAMES: Final = ("general.architecture", "general.name", "general.basename")
"""Keys of a model file that say which model it is."""

FILE_KEYS: Final = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repeat_penalty": "general.sampling.penalty_repeat",
}
"""Keys of a model file by the parameter that they recommend."""


class UnusableSamplingError(Exception):
    """A value that a model file recommends is not a usable number. ``key`` is its name."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class _Known:
    """Models whose whole architecture matches a pattern, and whose name contains a match of the other."""

    architecture: str
    name: str
    sampling: Mapping[str, Any]


# The first match counts. Each row names its source; "card" is the model's page at its makers'.
_KNOWN: Final = (
    # HuggingFaceTB/SmolLM2-135M-Instruct, -360M-, -1.7B-: card, example of use.
    _Known("llama", r"smollm2", {"temperature": 0.2, "top_p": 0.9}),
    # HuggingFaceTB/SmolLM3-3B: card, "we recommend".
    _Known("smollm3", r"", {"temperature": 0.6, "top_p": 0.95}),
    # Qwen/Qwen3-4B-Instruct-2507 and its larger ones: card, "Best Practices".
    _Known(r"qwen3(moe|next)?", r"instruct", {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0}),
    # Qwen/Qwen3-8B: card, "Best Practices", thinking mode, which is the default.
    _Known(r"qwen3(moe|next)?", r"", {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0}),
    # Qwen/Qwen2.5-7B-Instruct: generation_config.json.
    _Known("qwen2", r"qwen2.5.*instruct", {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "repeat_penalty": 1.05}),
    # google/gemma-3-4b-it: generation_config.json; the temperature is that of its makers' examples.
    _Known("gemma3n?", r"", {"temperature": 1.0, "top_p": 0.95, "top_k": 64, "min_p": 0.0}),
    # meta-llama/Llama-3.2-1B-Instruct, 3.1 and 3.3: generation_config.json.
    _Known("llama", r"llama-?3.*instruct", {"temperature": 0.6, "top_p": 0.9}),
    # mistralai/Mistral-Small-3.2-24B-Instruct-2506 and 3.1: card, "relatively low temperature".
    _Known("llama|mistral3", r"mistral-small-3", {"temperature": 0.15}),
    # mistralai/Mistral-Nemo-Instruct-2407: card, "smaller temperatures".
    _Known("llama|mistral3", r"mistral-nemo", {"temperature": 0.3}),
    # openai/gpt-oss: README of its repository, "Recommended Sampling Parameters".
    _Known("gpt-oss", r"", {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0}),
)


def recommended_sampling(keys: Mapping[str, Any]) -> SamplingParams:
    """Return the recommendation for a model file with these keys, completed with llama.cpp's defaults.

    The values may be numbers or texts. Raises UnusableSamplingError.
    """
    own = {name: _number(key, keys[key]) for name, key in FILE_KEYS.items() if keys.get(key) not in (None, "")}
    if "top_k" in own:
        own["top_k"] = int(own["top_k"])
    return replace(SamplingParams(), **(own or known_sampling(keys)))


def known_sampling(keys: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the makers' parameters for the model that these keys name; empty for an unknown one."""
    architecture, *names = (str(keys.get(key) or "").lower().replace(" ", "-").replace("_", "-") for key in NAMES)
    for known in _KNOWN:
        if re.fullmatch(known.architecture, architecture) and any(re.search(known.name, name) for name in names):
            return known.sampling
    return {}


def _number(key: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) < MOST_RECOMMENDED:
        raise UnusableSamplingError(key)
    return number
