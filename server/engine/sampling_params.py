"""Sampling parameters in the engine.

`make spec` writes this file from protocol/parameter_table.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """Sampling parameters, with llama.cpp's names, meanings and defaults (``common_params_sampling``).

    PROTOCOL 4.2 has the meanings, and the values that turn a sampler off. ``max_tokens`` None: up to the end of the
    context. ``grammar`` comes from ``Engine.grammar``. ``top_logprobs`` (0 to 20): each piece has the logprob of the
    chosen token and of this many likeliest ones; None: no logprobs.
    """

    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    typical_p: float = 1.0
    top_n_sigma: float = -1.0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int = -1
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = 64
    dry_sequence_breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    grammar: str | None = None
    top_logprobs: int | None = None
