"""How long the logs of finished generations are kept. Pure: the time is passed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Every log stays for ``least`` seconds after its `done` (PROTOCOL 6.8), and none for more than ``most``.

    In between the oldest go as long as all together take more than ``size`` bytes. Nothing new is taken on while
    they and those that run take more than ``limit``: so many bytes are all that logs may have.
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


class Shelf:
    """The finished logs that are kept, oldest first. Owned by the registry. Times are ``time.monotonic()`` seconds."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._kept: deque[_Kept] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return self._size

    def add(self, id: str, finished: float, size: int) -> None:
        """Keep one that finished no earlier than those before it, and takes ``size`` bytes."""
        self._kept.append(_Kept(id, finished, size))
        self._size += size

    def clear_out(self, now: float) -> tuple[str, ...]:
        """Take out those whose time is over; their ids."""
        expired = []
        while (due := self.due) is not None and due <= now:
            oldest = self._kept.popleft()
            self._size -= oldest.size
            expired.append(oldest.id)
        return tuple(expired)

    @property
    def due(self) -> float | None:
        """When the oldest has to go, as things stand; None when there is none."""
        if not self._kept:
            return None
        crowded = self._size > self._retention.size
        return self._kept[0].finished + (self._retention.least if crowded else self._retention.most)
