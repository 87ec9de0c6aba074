"""Decision how many tokens the draft model proposes. Pure: durations are passed in, no clock is read."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final, NamedTuple

from server.engine.speculation_control import (
    ALLOWANCE,
    GAIN_TO_START,
    GAIN_TO_STOP,
    LEAST_CREDIT,
    LENGTHS,
    MEMORY,
    SAMPLES,
    START_CREDIT,
    StepCosts,
    expected_tokens,
)

FIRST_RATE: Final = (3.0, 1.0)
"""Accepted and rejected tokens before any were measured."""

FIRST_COST: Final = 0.1
"""Assumed cost of a proposed token, compared with a step of one row of the larger model, before any was measured."""

FIRST_READING_COST: Final = 0.02
"""Assumed cost of reading a token in a chunk, in the same unit."""

FEW_MISSING: Final = 32
"""Number of missing tokens up to which reading them counts as a cost of this proposal. Reading more is an investment
into the rest of the answer, which the credit has to allow."""

TRIAL: Final = 2
"""Number of tokens that are proposed while it doesn't pay, to measure the rate again."""

TRIAL_EVERY: Final = 64
TRIAL_EVERY_MOST: Final = 1024
"""Least number of steps from one such trial to the next: at first, and at most. Each trial that changes nothing doubles
it."""

LEAST_PIECE: Final = 16
MOST_PIECE: Final = 512
FIRST_PIECE: Final = 32
"""Tokens that are read at once: as many as take as long as a step, within these bounds; at first ``FIRST_PIECE``."""

RECENT: Final = 0.9
"""Weight of the steps before, at each step without the draft model, in their mean speed."""

MOST_CREDIT: Final = 128.0
"""Upper bound of the credit, in steps of one row: enough to read a long prompt on the proceeds of earlier answers."""


class Work(NamedTuple):
    """Work of the draft model before a step, in tokens: the number that it reads or the number that it proposes. One of
    them is 0."""

    read: int
    propose: int


IDLE: Final = Work(0, 0)


class _Duration:
    """Median seconds per token of the newest samples."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES)

    def learn(self, tokens: int, seconds: float) -> None:
        self._samples.append(seconds / tokens)

    def relative(self, single: float, assumed: float) -> float:
        """Return the duration compared with ``single``, or ``assumed`` before any was measured."""
        return median(self._samples) / single if self._samples and single > 0 else assumed

    @property
    def known(self) -> bool:
        return bool(self._samples)


class DraftModelControl:
    """Lets the draft model work where measured acceptance and measured durations make it pay. Owned by the worker's
    thread.

    The unit of costs is a step of one row of the larger model. As in SpeculationControl a credit bounds the time that
    is lost in vain. All that the draft model does is paid from it, and all tokens that this saves go back to it.
    """

    def __init__(self, costs: StepCosts) -> None:
        """``costs``: durations of the larger model's steps."""
        self._costs = costs
        self._proposing, self._reading = _Duration(), _Duration()
        self._accepted, self._rejected = FIRST_RATE
        self._on = False
        self._trial_every = TRIAL_EVERY
        self._since_trial = 0
        self._credit = START_CREDIT
        self._tokens = self._steps = 1.0
        """Tokens of the newest steps without the draft model, and the duration of these."""

    def next(self, most: int, missing: int, other: float = 1.0) -> Work:
        """Return the work before the next step. ``most``: tokens that may be proposed; ``missing``: those to be read
        before; ``other``: expected speed without the draft model, compared with single tokens."""
        sizes = [size for size in LENGTHS if size <= most]
        if not sizes or self._costs.single is None or self._costs.single_is_old:
            return IDLE
        near = missing - 1 if missing <= FEW_MISSING else 0
        gains = {size: self._gain(size, near) for size in sizes}
        best = max(gains, key=gains.__getitem__)
        self._on = gains[best] >= (GAIN_TO_STOP if self._on else GAIN_TO_START)
        if self._on:
            self._trial_every = TRIAL_EVERY
        if self._on and gains[best] <= max(other, self._tokens / self._steps):
            return IDLE  # nor where repetitions are found every few tokens
        count = best if self._on else self._trial(sizes)
        loss = self._cost(count) - 1 + self._reading_cost * (missing - 1)
        if not count or self._credit < loss:
            return IDLE
        return Work(0, count) if missing <= FEW_MISSING else Work(min(self._piece, missing - 1), 0)

    def read(self, tokens: int, seconds: float) -> None:
        """Record that the draft model has read ``tokens`` tokens."""
        if tokens:
            self._reading.learn(tokens, seconds)
            self._pay(self._reading_cost * tokens)

    def proposed(self, tokens: int, missing: int, seconds: float) -> None:
        """Record that it has computed ``tokens`` proposed tokens, after reading ``missing`` tokens."""
        further = missing - 1
        reading = self._reading_cost * further * (self._costs.single or 0.0)
        self._proposing.learn(tokens, max(0.0, seconds - reading))
        self._pay(self._proposing_cost * tokens + self._reading_cost * further)
        if not self._on:
            self._trial_every = min(2 * self._trial_every, TRIAL_EVERY_MOST)
        self._since_trial = 0

    def verified(self, proposed: int, right: int) -> None:
        """Record a step that verified ``proposed`` tokens, of which ``right`` were chosen."""
        self._accepted = self._accepted * MEMORY + right
        self._rejected = self._rejected * MEMORY + (right < proposed)
        self._pay(self._costs.relative(proposed + 1) - (right + 1))

    def went_without(self, rows: int, tokens: int) -> None:
        """Record a step of ``rows`` rows without tokens of the draft model, which chose ``tokens`` tokens."""
        self._tokens = RECENT * self._tokens + tokens
        self._steps = RECENT * self._steps + self._costs.relative(rows)
        self._since_trial += 1
        self._pay(-ALLOWANCE)

    def _gain(self, size: int, near: int) -> float:
        rate = self._accepted / (self._accepted + self._rejected)
        return expected_tokens(rate, size) / (self._cost(size) + self._reading_cost * near)

    def _cost(self, size: int) -> float:
        """Return the duration of proposing and verifying ``size`` tokens."""
        return self._costs.relative(size + 1) + self._proposing_cost * size

    def _trial(self, sizes: list[int]) -> int:
        return TRIAL if TRIAL in sizes and self._since_trial >= self._trial_every else 0

    def _pay(self, cost: float) -> None:
        self._credit = min(max(self._credit - cost, LEAST_CREDIT), MOST_CREDIT)

    @property
    def _proposing_cost(self) -> float:
        return self._proposing.relative(self._costs.single or 0.0, FIRST_COST)

    @property
    def _reading_cost(self) -> float:
        return self._reading.relative(self._costs.single or 0.0, FIRST_READING_COST)

    @property
    def _piece(self) -> int:
        if not self._reading.known:
            return FIRST_PIECE
        return int(min(max(1 / max(self._reading_cost, 1e-6), LEAST_PIECE), MOST_PIECE))
