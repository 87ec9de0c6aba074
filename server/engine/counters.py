"""What the engine counts. The worker's thread counts, and gives out a frozen copy now and then for all others."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from server.engine.base import EngineStats


@dataclass(slots=True)
class Counters:
    """Owned by the worker's thread. The names are those of EngineStats, where they are explained."""

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
        """A copy, of an engine that lives."""
        return EngineStats(alive=True, failure=None, **{name: getattr(self, name) for name in _NAMES})


_NAMES: Final = tuple(field.name for field in fields(Counters))
