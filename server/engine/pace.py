"""How many tokens of prompts one step may read. Pure: told how long each step took, it never looks at a clock."""

from __future__ import annotations

from typing import Final

READING_SECONDS: Final = 0.5
"""What a step may take while it only reads: so long a newcomer waits for its turn, and a Stop where nothing can
abort."""

BURST_SECONDS: Final = 2.5
"""The same when many have come at once: all of them wait, and prompts of one length are computed best together."""

SMALLEST_CHUNK: Final = 8
SMALLEST_READING_CHUNK: Final = 64
"""Below these a chunk costs about as much as a longer one, since the model's weights have to pass through anyway."""

LEAST_SECONDS: Final = 1e-6
"""What a step takes at least, whatever the clock says."""

WEIGHT: Final = 0.2
"""Of the newest step in what is remembered."""


class Pace:
    """Learns how long steps take, and derives the prefill budget from it.

    While an answer is being written, a step may take twice as long as one that writes only: what the reading of a
    prompt adds is no more than the gap between two tokens that its reader is used to.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._writing: dict[int, float] = {}
        """Seconds of a step that only writes, by its number of rows."""
        self._per_token: float | None = None
        """Seconds for each token of a prompt."""

    def learn(self, *, writing: int, reading: int, seconds: float) -> None:
        """A step with ``writing`` rows of answers and ``reading`` rows of prompts took ``seconds``."""
        if not reading:
            self._writing[writing] = _blend(self._writing.get(writing), seconds)
            return
        rest = seconds - (self._usual(writing) if writing else 0.0)
        self._per_token = _blend(self._per_token, max(rest, seconds / 20, LEAST_SECONDS) / reading)

    def budget(self, *, writing: int, settled: bool, readers: int) -> int:
        """Tokens of prompts for the next step, beside ``writing`` rows of answers, of which some are ``settled``."""
        if settled:
            return self._within(self._usual(writing), SMALLEST_CHUNK)
        burst = min(readers * SMALLEST_READING_CHUNK, self._within(BURST_SECONDS, SMALLEST_READING_CHUNK))
        return max(burst, self._within(READING_SECONDS, SMALLEST_READING_CHUNK))

    def _within(self, seconds: float, least: int) -> int:
        if self._per_token is None:
            return min(least * 2, self._most)
        return min(self._most, max(least, int(seconds / self._per_token)))

    def _usual(self, writing: int) -> float:
        """Seconds of a step that writes ``writing`` rows: as seen, or with the nearest number of rows that was."""
        if not self._writing:
            return 0.0
        nearest = min(self._writing, key=lambda rows: abs(rows - writing))
        return self._writing[nearest]


def _blend(old: float | None, new: float) -> float:
    return new if old is None else old + WEIGHT * (new - old)
