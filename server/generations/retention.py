"""Retention of finished logs. Pure: the time is passed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Retention rules. Each log is kept for ``least`` seconds after its `done` (PROTOCOL 6.8) and at most ``most``
    seconds.

    In between the oldest are dropped while all finished logs exceed ``size`` bytes. New generations are rejected while
    finished and open logs together exceed ``limit`` bytes.
    """

    least: float = 600.0
    most: float = 86_400.0
    size: int = 64 * 2**20
    limit: int = 512 * 2**20


RETENTION: Final = Retention()


class _Kept(NamedTuple):
    id: str
    finished: float
    size: int


class FinishedLogs:
    """Finished logs, oldest first. Only Expiry changes them. Times are ``time.monotonic()`` seconds."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._kept: deque[_Kept] = deque()
        self.size = 0
        """Total size in bytes."""

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, id: str, finished: float, size: int) -> None:
        """Add a log of ``size`` bytes that finished no earlier than those before it."""
        self._kept.append(_Kept(id, finished, size))
        self.size += size

    def remove(self, id: str) -> None:
        """Remove a log, if it is there."""
        for kept in [each for each in self._kept if each.id == id]:
            self._kept.remove(kept)
            self.size -= kept.size

    def pop_expired(self, now: float) -> tuple[str, ...]:
        """Remove the expired logs and return their ids."""
        expired = []
        while (due := self.due) is not None and due <= now:
            oldest = self._kept.popleft()
            self.size -= oldest.size
            expired.append(oldest.id)
        return tuple(expired)

    @property
    def due(self) -> float | None:
        """Time at which the oldest expires, as of now; None when there are none."""
        if not self._kept:
            return None
        crowded = self.size > self._retention.size
        return self._kept[0].finished + (self._retention.least if crowded else self._retention.most)
