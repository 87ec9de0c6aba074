"""Writing speed of all generations together."""

from __future__ import annotations

from collections import deque
from typing import Final

SECONDS: Final = 3
"""Length of the averaging window, in whole seconds."""


class Speed:
    """Counts tokens per second. Times are ``time.monotonic()`` seconds; one owner, on the event loop."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque(maxlen=SECONDS + 1)
        """Recent seconds with their token counts, oldest first."""
        self._second = -1
        self._tokens = 0
        self._since: float | None = None
        """Start of the current period of writing; None after SECONDS without a token."""

    def add(self, tokens: int, now: float) -> None:
        second = int(now)
        if second != self._second:
            self._turn(second, now)
        self._tokens += tokens

    def per_second(self, now: float) -> float:
        """Return the mean of the last SECONDS, or of the time since writing began if that is shorter."""
        oldest = now - SECONDS
        counted = sum(tokens for second, tokens in (*self._seconds, (self._second, self._tokens)) if second > oldest)
        if not counted or self._since is None:
            return 0.0
        return counted / max(0.25, min(now - self._since, now - int(oldest) - 1))

    def _turn(self, second: int, now: float) -> None:
        if self._since is None or second - self._second > SECONDS:
            self._since = now
        self._seconds.append((self._second, self._tokens))
        self._second, self._tokens = second, 0
