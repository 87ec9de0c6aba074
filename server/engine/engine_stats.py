"""Figures of an engine, which belong to its port."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class EngineStats:
    """The engine's counters. Token counts, steps and seconds grow for the engine's lifetime.

    Only the worker's thread changes its instance. Other threads get copies, which stay as they are.

    ``kv_cells`` is the KV cache's capacity in tokens; ``kv_tokens`` belong to running sequences, ``kept_tokens`` to
    ended ones whose free slots may be reused. ``saved_bytes`` is the RAM that holds further ended sequences.
    ``draft_tokens`` were read ahead, and are not in ``prompt_tokens``. ``proposed_tokens`` were verified by
    speculation.py, and ``accepted_tokens`` of them chosen.
    ``busy_seconds`` is the time of all steps; ``decode_seconds`` of it were spent in llama_decode and
    ``sample_seconds`` on choosing tokens.
    """

    alive: bool = True
    failure: str | None = None
    slots: int
    running: int = 0
    queued: int = 0
    kv_tokens: int = 0
    prompt_tokens: int = 0
    draft_tokens: int = 0
    completion_tokens: int = 0
    proposed_tokens: int = 0
    accepted_tokens: int = 0
    kv_cells: int = 0
    cached_tokens: int = 0
    kept_tokens: int = 0
    saved_bytes: int = 0
    preemptions: int = 0
    steps: int = 0
    busy_seconds: float = 0.0
    decode_seconds: float = 0.0
    sample_seconds: float = 0.0
