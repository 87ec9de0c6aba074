"""When those who wait will start, by how long recent generations took. Pure: no clock of its own."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from typing import Final

REMEMBERED: Final = 32


class QueueEstimate:
    """Learns from the generations that ended, and plays the queue forward: as one ends, the next one starts."""

    def __init__(self) -> None:
        self._durations: deque[float] = deque(maxlen=REMEMBERED)

    def learn(self, seconds: float) -> None:
        """A generation held its slot for ``seconds``."""
        self._durations.append(seconds)

    @property
    def usual(self) -> float | None:
        """Seconds for which a generation holds its slot, in the mean; None before one has ended."""
        return sum(self._durations) / len(self._durations) if self._durations else None

    def starts(self, *, elapsed: Iterable[float], free: int, waiting: int) -> list[float] | None:
        """Seconds from now until each of ``waiting`` starts, in their order.

        ``elapsed`` are the seconds that each running one has held its slot so far, ``free`` the slots that nobody
        holds. One that has run for longer than usual is taken to end in half of what it has taken beyond that.
        """
        if (usual := self.usual) is None:
            return None
        ends = [usual - seconds if seconds < usual else (seconds - usual) / 2 for seconds in elapsed] + [0.0] * free
        heapq.heapify(ends)
        starts = []
        for _ in range(waiting if ends else 0):
            starts.append(heapq.heapreplace(ends, ends[0] + usual))
        return starts
