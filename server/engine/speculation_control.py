"""Decision how many proposed tokens a step verifies. Pure: durations are passed in, no clock is read."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final

LENGTHS: Final = (2, 4, 8, 16)
"""Numbers of proposed tokens that a step may verify."""

MATCHES: Final = (5, 9, 17)
"""Bounds of the classes of matches: below 5 tokens, 5 to 8, 9 to 16, and longer."""

FIRST_RATES: Final = ((1.0, 2.0), (2.0, 2.0), (6.0, 2.0), (18.0, 2.0))
"""Accepted and rejected tokens of each class before any were measured."""

MEMORY: Final = 0.98
"""Weight of what was measured before, at each new measurement of a class."""

GAIN_TO_START: Final = 1.15
GAIN_TO_STOP: Final = 1.03
"""Expected speed, compared with single tokens, from which proposals are verified and below which they no longer are."""

SAMPLES: Final = 9
"""Number of steps of one size whose median counts. A median leaves out steps that another program has slowed down."""

STALE: Final = 500
"""Age in steps from which a measured duration is not used any more: it may have changed."""

SINGLE_EVERY: Final = 64
"""Number of steps after which the duration of a single token is measured again."""

FIRST_ROW_COST: Final = 0.15
"""Assumed cost of one more row, compared with a step of one row, before any was measured: low, so that it is tried."""

START_CREDIT: Final = 8.0
LEAST_CREDIT: Final = -8.0
MOST_CREDIT: Final = 32.0
"""Time that verification may cost in vain, in steps of one row: at first, and its bounds later. A step that another
program slows down a lot could lower it without end, although a step of one row would have been as slow."""

ALLOWANCE: Final = 0.004
"""Part of the time of single steps that may be spent in vain."""


class StepCosts:
    """Measured durations of the steps of a lone answer, by their number of rows."""

    def __init__(self) -> None:
        self._samples: dict[int, deque[float]] = {}
        self._last: dict[int, int] = {}
        self._steps = 0

    def learn(self, rows: int, seconds: float) -> None:
        """Record that a step with ``rows`` rows took ``seconds``."""
        self._steps += 1
        if self._steps - self._last.get(rows, 0) > STALE:
            self._samples.pop(rows, None)
        self._samples.setdefault(rows, deque(maxlen=SAMPLES)).append(seconds)
        self._last[rows] = self._steps

    @property
    def single(self) -> float | None:
        """Seconds of a step with one row; None before any was measured."""
        return self._median(1)

    @property
    def single_is_old(self) -> bool:
        """True when a step with one row should be measured again."""
        return self._steps - self._last.get(1, 0) >= SINGLE_EVERY

    def relative(self, rows: int) -> float:
        """Return the estimated duration of a step with ``rows`` rows, compared with one row."""
        single = self._median(1)
        known = [size for size in self._samples if size > 1 and self._steps - self._last[size] <= STALE]
        if single is None or not known:
            return 1 + FIRST_ROW_COST * (rows - 1)
        nearest = min(known, key=lambda size: abs(size - rows))
        added = max(0.0, (self._median(nearest) or single) / single - 1)
        return 1 + added * (rows - 1) / (nearest - 1)

    def _median(self, rows: int) -> float | None:
        samples = self._samples.get(rows)
        return median(samples) if samples else None


class SpeculationControl:
    """Turns verification on where measured acceptance and measured durations make it pay. Owned by the worker's thread.

    Acceptance is also measured while verification is off, from what would have been proposed: that costs nothing. A
    credit bounds the time that is lost in vain: it shrinks when a step takes longer than its tokens would have taken
    alone, and grows again slowly.
    """

    def __init__(self) -> None:
        self.costs = StepCosts()
        self._accepted = [accepted for accepted, _ in FIRST_RATES]
        self._rejected = [rejected for _, rejected in FIRST_RATES]
        self._on = [False] * len(FIRST_RATES)
        self._credit = START_CREDIT

    def gain(self, matched: int, count: int) -> float:
        """Return the expected speed of verifying ``count`` tokens after a match, compared with single tokens."""
        return expected_tokens(self._rate(_kind(matched)), count) / self.costs.relative(count + 1) if count else 1.0

    def length(self, matched: int, most: int) -> int:
        """Return how many proposed tokens, at most ``most``, the next step verifies; 0: none.

        ``matched``: as in Proposal.
        """
        sizes = [size for size in LENGTHS if size <= most]
        if not matched or not sizes or self.costs.single is None or self.costs.single_is_old:
            return 0
        kind = _kind(matched)
        gains = {size: self.gain(matched, size) for size in sizes}
        best = max(gains, key=gains.__getitem__)
        self._on[kind] = gains[best] >= (GAIN_TO_STOP if self._on[kind] else GAIN_TO_START)
        return best if self._on[kind] and self._credit >= self.costs.relative(best + 1) - 1 else 0

    def accepted(self, matched: int, count: int, *, rejected: bool) -> None:
        """Record that ``count`` tokens after a match were right, and if the one after them was wrong."""
        if not matched:
            return
        kind = _kind(matched)
        self._accepted[kind] = self._accepted[kind] * MEMORY + count
        self._rejected[kind] = self._rejected[kind] * MEMORY + rejected

    def took(self, rows: int, tokens: int, seconds: float) -> None:
        """Record that a step with ``rows`` rows chose ``tokens`` tokens in ``seconds``."""
        self.costs.learn(rows, seconds)
        self._credit += ALLOWANCE if rows == 1 else tokens - self.costs.relative(rows)
        self._credit = min(max(self._credit, LEAST_CREDIT), MOST_CREDIT)

    def _rate(self, kind: int) -> float:
        return self._accepted[kind] / (self._accepted[kind] + self._rejected[kind])


def expected_tokens(rate: float, count: int) -> float:
    """Return how many tokens a step chooses on average that verifies ``count`` tokens, each right with ``rate``."""
    return float(count + 1) if rate >= 1 else (1 - rate ** (count + 1)) / (1 - rate)


def _kind(matched: int) -> int:
    return sum(matched >= bound for bound in MATCHES)
