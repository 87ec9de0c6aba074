"""A histogram of seconds, cheap enough for every token."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """How many values fell up to each of ``bounds``, in seconds. One thread counts; any may read."""

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.total = 0.0
        """The sum of the values."""
        self._counts = [0] * (len(bounds) + 1)

    def count(self, value: float) -> None:
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def counts(self) -> list[int]:
        """Of each interval, the last one being that beyond all bounds."""
        return list(self._counts)
