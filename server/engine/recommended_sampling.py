"""Sampling that a model recommends: its file's values, or those kept beside it, or those that its makers publish."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from server.engine.base import SamplingParams
from server.engine.known_sampling import NAMES, known_sampling
from server.engine.model_defaults import ModelDefaults

MOST_RECOMMENDED: Final = 2**31
"""Exclusive upper bound for the sampling parameters in a model file."""

FILE_KEYS: Final = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repeat_penalty": "general.sampling.penalty_repeat",
}
"""Keys of a model file by the parameter that they recommend."""

KEYS: Final = (*NAMES, *FILE_KEYS.values())
"""Keys of a model file that say what it recommends."""

BY_OPERATOR: Final = "models.toml"
BY_FILE: Final = "the model file"
BY_NOBODY: Final = "llama.cpp's defaults"


class UnusableSamplingError(Exception):
    """A value that a model file recommends is not a usable number. ``key`` is its name."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Sampling for a model, completed with llama.cpp's defaults. ``source``: text for where it comes from."""

    sampling: SamplingParams
    source: str


def recommended_sampling(keys: Mapping[str, Any], defaults: ModelDefaults | None = None) -> Recommendation:
    """Return the recommendation for a model file with these keys, and with the ``defaults`` that are kept beside it.

    Only one source counts, but a file can't name stop strings. The values of the keys may be numbers or texts. Raises
    UnusableSamplingError.
    """
    found = _by_one_source(keys, defaults or ModelDefaults())
    return replace(found, sampling=replace(found.sampling, stop=defaults.stop)) if defaults else found


def _by_one_source(keys: Mapping[str, Any], defaults: ModelDefaults) -> Recommendation:
    if defaults.chosen_sampling:
        return Recommendation(replace(SamplingParams(), **defaults.chosen_sampling), BY_OPERATOR)
    given = {name: key for name, key in FILE_KEYS.items() if keys.get(key) not in (None, "")}
    own: dict[str, Any] = {name: _number(key, keys[key]) for name, key in given.items()}
    if own:
        if "top_k" in own:
            own["top_k"] = int(own["top_k"])
        return Recommendation(replace(SamplingParams(), **own), BY_FILE)
    if defaults.sampling:
        return Recommendation(replace(SamplingParams(), **defaults.sampling), defaults.source)
    if known := known_sampling(keys):
        return Recommendation(replace(SamplingParams(), **known.sampling), known.source)
    return Recommendation(SamplingParams(), BY_NOBODY)


def _number(key: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) < MOST_RECOMMENDED:
        raise UnusableSamplingError(key)
    return number
