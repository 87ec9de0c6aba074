"""Samples, and what is said of them."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Sequence

Samples = dict[str, list[float]]
"""What a measure brought, by name."""

Statistic = Callable[[Sequence[float]], float]


def percentile(share: float) -> Statistic:
    """The smallest sample that at least ``share`` percent of them do not exceed (nearest rank)."""

    def of(samples: Sequence[float]) -> float:
        return sorted(samples)[max(0, math.ceil(share / 100 * len(samples)) - 1)]

    return of


median: Statistic = statistics.median
p50, p95, p99 = percentile(50), percentile(95), percentile(99)


def gaps(times: Sequence[float]) -> list[float]:
    """Milliseconds between neighbours."""
    return [(later - earlier) * 1000 for earlier, later in itertools.pairwise(times)]


def merge(parts: Sequence[Samples]) -> Samples:
    """All samples of each name."""
    merged: Samples = {}
    for part in parts:
        for name, values in part.items():
            merged.setdefault(name, []).extend(values)
    return merged
