"""A histogram of durations, cheap enough for every token."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts of values up to each of ``bounds``, in seconds. One thread counts; any thread may read."""

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.total = 0.0
        """Sum of the values, in seconds."""
        self._counts = [0] * (len(bounds) + 1)

    def count(self, value: float) -> None:
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def counts(self) -> list[int]:
        """Count per interval; the last one is for values beyond all bounds."""
        return list(self._counts)
