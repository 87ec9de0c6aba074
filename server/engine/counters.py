"""The engine's counters. The worker's thread updates them and publishes frozen copies for other threads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from server.engine.base import EngineStats


@dataclass(slots=True)
class Counters:
    """Mutable counters, owned by the worker's thread. Names and meanings are those of EngineStats."""

    slots: int
    kv_cells: int = 0
    running: int = 0
    queued: int = 0
    kv_tokens: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    kept_tokens: int = 0
    saved_bytes: int = 0
    preemptions: int = 0
    steps: int = 0
    busy_seconds: float = 0.0
    decode_seconds: float = 0.0
    sample_seconds: float = 0.0

    def stats(self) -> EngineStats:
        """Return a copy, for an engine that is alive."""
        return EngineStats(alive=True, failure=None, **{name: getattr(self, name) for name in _NAMES})


_NAMES: Final = tuple(field.name for field in fields(Counters))
