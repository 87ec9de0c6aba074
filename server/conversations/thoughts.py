"""Duration of an answer's thoughts, as its message stores it (PROTOCOL 14.1)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate, islice
from math import isnan

from server.chat.thinking import thoughts
from server.conversations.values import MAX_THOUGHTS


def thought_times(
    written: str, added: str, arrivals: Iterable[tuple[int, float]], earlier: tuple[int, ...] = ()
) -> tuple[int, ...]:
    """Return the duration of each thought of an answer, in whole milliseconds; 0 when unknown.

    ``written``: the answer's text before its last generation, whose thoughts took ``earlier``; ``added``: the text of
    that generation, in pieces with these lengths and arrival times (NaN: unknown).
    """
    lengths, times = zip(*arrivals, strict=True) if added else ((), ())
    ends = list(accumulate(lengths, initial=len(written)))
    took: list[int] = []
    for index, (start, end) in enumerate(islice(thoughts(written + added), MAX_THOUGHTS)):
        before = earlier[index] if index < len(earlier) and start < len(written) else 0
        # From the end of the mark before the thought to the start of the mark after it.
        first, last = (bisect_right(ends, max(at, len(written))) - 1 for at in (start - 1, end))
        known = [] if end <= len(written) else [at for at in times[first : last + 1] if not isnan(at)]
        took.append(before + (round((known[-1] - known[0]) * 1000) if known else 0))
    return tuple(took)
