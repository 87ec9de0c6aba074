"""Defaults for a model that are kept beside its file, as Ollama does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDefaults:
    """Defaults for a model. They apply where its file says nothing.

    ``sampling`` has values by the names of SamplingParams, ``stop`` strings that end an answer. ``context``: most
    tokens of a chat without a chosen context. ``source``: name of the program that keeps them. ``chosen_sampling``
    comes from the operator, and applies in place of what the file says.
    """

    sampling: Mapping[str, Any] = field(default_factory=dict)
    stop: tuple[str, ...] = ()
    context: int | None = None
    source: str = ""
    chosen_sampling: Mapping[str, Any] = field(default_factory=dict)
