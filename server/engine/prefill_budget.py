"""Number of prompt tokens that one step may read. Pure: step durations are passed in, no clock is read."""

from __future__ import annotations

from typing import Final

READING_SECONDS: Final = 0.5
"""Target duration of a step that only reads prompts, in seconds: a new request waits this long, and a Stop too when
the step can't be aborted."""

DRAFT_SECONDS: Final = 0.25
"""Target duration of a step that reads a draft, in seconds: a request waits at most this long for it."""

BURST_SECONDS: Final = 2.5
"""Target duration when many requests arrive at once: all wait, and prompts of one length compute best together."""

SMALLEST_CHUNK: Final = 8
SMALLEST_READING_CHUNK: Final = 64
"""Chunk sizes below which a step costs about as much as a larger one: the model's weights are read anyway."""

LEAST_SECONDS: Final = 1e-6
"""Lower bound for the duration of a step, in seconds, whatever the clock says."""

CHEAP_DOUBLING: Final = 1.4
"""A chunk is doubled while the larger one adds at most this many times as much to a step. Then most of what a chunk
costs is the same for every size, as on a GPU: smaller chunks would hold a prompt up and hardly shorten a pause."""

NEAR: Final = 0.9
"""Chunks of at least this part of a power of two count as that size."""

RETRIED_AFTER: Final = 500
"""Number of chunks beside answers after which a size that was too expensive is measured again."""

WEIGHT: Final = 0.2
"""Weight of the newest step in the moving averages."""


class PrefillBudget:
    """Learns how long steps take, and derives the number of prompt tokens per step.

    While answers are being written, a step may take twice as long as one that only writes: reading a prompt then adds
    no more than the usual gap between two tokens. The chunk is larger where that costs little more, so the pace follows
    the measured ratio of reading to writing.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._writing: dict[int, float] = {}
        """Duration of a step that only writes, in seconds, by its number of rows."""
        self._per_token: float | None = None
        """Seconds per prompt token."""
        self._added: dict[int, float] = {}
        """Seconds that a chunk adds to a step that also writes, by its size, a power of two."""
        self._chunks = 0
        """Number of chunks that were read beside answers."""

    def learn(self, *, writing: int, reading: int, seconds: float) -> None:
        """Record that a step with ``writing`` answer rows and ``reading`` prompt rows took ``seconds``."""
        if not reading:
            self._writing[writing] = _blend(self._writing.get(writing), seconds)
            return
        rest = max(seconds - (self._usual(writing) if writing else 0.0), seconds / 20, LEAST_SECONDS)
        self._per_token = _blend(self._per_token, rest / reading)
        if writing:
            self._learn_chunk(reading, rest)

    def budget(self, *, writing: int, settled: bool, readers: int) -> int:
        """Return how many prompt tokens the next step may read beside ``writing`` answer rows.

        ``settled``: as in Sequence.
        """
        if settled:
            return max(self._within(self._usual(writing), SMALLEST_CHUNK), self._cheap_chunk())
        burst = min(readers * SMALLEST_READING_CHUNK, self._within(BURST_SECONDS, SMALLEST_READING_CHUNK))
        return max(burst, self._within(READING_SECONDS, SMALLEST_READING_CHUNK))

    @property
    def draft_chunk(self) -> int:
        """Number of tokens of a draft that one step may read while nothing else is computed."""
        return self._within(DRAFT_SECONDS, SMALLEST_READING_CHUNK)

    def _learn_chunk(self, reading: int, added: float) -> None:
        size = 1 << (reading - 1).bit_length()
        if reading >= NEAR * size:
            self._added[size] = _blend(self._added.get(size), added)
        self._chunks += 1
        if self._chunks % RETRIED_AFTER == 0:
            self._added.pop(2 * self._cheap_chunk(), None)

    def _cheap_chunk(self) -> int:
        """Return the largest chunk that is a cheap doubling of a cheap one. A size that was never measured is tried."""
        size = SMALLEST_CHUNK
        while 2 * size <= self._most and (added := self._added.get(size)) is not None:
            if self._added.get(2 * size, 0.0) > CHEAP_DOUBLING * added:
                break
            size *= 2
        return min(size, self._most)

    def _within(self, seconds: float, least: int) -> int:
        if self._per_token is None:
            return min(least * 2, self._most)
        return min(self._most, max(least, int(seconds / self._per_token)))

    def _usual(self, writing: int) -> float:
        """Return the seconds of a step that writes ``writing`` rows, from the nearest number of rows measured."""
        if not self._writing:
            return 0.0
        nearest = min(self._writing, key=lambda rows: abs(rows - writing))
        return self._writing[nearest]


def _blend(old: float | None, new: float) -> float:
    return new if old is None else old + WEIGHT * (new - old)
