"""Estimated start times for the queue, from the durations of recent generations. Pure: no clock of its own."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from typing import Final

REMEMBERED: Final = 32


class QueueEstimate:
    """Learns from ended generations and simulates the queue: when one ends, the next one starts."""

    def __init__(self) -> None:
        self._durations: deque[float] = deque(maxlen=REMEMBERED)

    def learn(self, seconds: float) -> None:
        """Record that a generation held its slot for ``seconds``."""
        self._durations.append(seconds)

    @property
    def usual(self) -> float | None:
        """Mean time for which a generation holds its slot, in seconds; None before one has ended."""
        return sum(self._durations) / len(self._durations) if self._durations else None

    def starts(self, *, elapsed: Iterable[float], free: int, waiting: int) -> list[float] | None:
        """Estimate the seconds until each of ``waiting`` requests starts, in queue order.

        ``elapsed``: seconds for which each running one has held its slot; ``free``: number of free slots. One that runs
        longer than usual is assumed to end in half of the time by which it exceeds that.
        """
        if (usual := self.usual) is None:
            return None
        ends = [usual - seconds if seconds < usual else (seconds - usual) / 2 for seconds in elapsed] + [0.0] * free
        heapq.heapify(ends)
        starts = []
        for _ in range(waiting if ends else 0):
            starts.append(heapq.heapreplace(ends, ends[0] + usual))
        return starts
