"""Samples and statistics."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Sequence

Samples = dict[str, list[float]]
"""Samples of a measure, by name."""

Statistic = Callable[[Sequence[float]], float]


def percentile(share: float) -> Statistic:
    """Return the statistic for the nearest-rank percentile: the smallest sample that ``share`` percent do not
    exceed."""

    def of(samples: Sequence[float]) -> float:
        return sorted(samples)[max(0, math.ceil(share / 100 * len(samples)) - 1)]

    return of


median: Statistic = statistics.median
p50, p95, p99 = percentile(50), percentile(95), percentile(99)


def gaps(times: Sequence[float]) -> list[float]:
    """Return the differences between consecutive times, in milliseconds."""
    return [(later - earlier) * 1000 for earlier, later in itertools.pairwise(times)]


def merge(parts: Sequence[Samples]) -> Samples:
    """Combine the samples of each name."""
    merged: Samples = {}
    for part in parts:
        for name, values in part.items():
            merged.setdefault(name, []).extend(values)
    return merged
