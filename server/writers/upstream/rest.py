"""Rests of an upstream writer's loop, so that it reads several tokens at once."""

from __future__ import annotations

import threading
from typing import Final

LONG_REST: Final = 0.04
"""Rest while a reader can't see single tokens, in seconds. An answer that ends before its limit ends at most so much
later."""

SHORT_REST: Final = 0.003
"""Rest after the first token of a batch, in seconds, while several answers are written: the others come soon."""

FAST: Final = 1 / 60
"""Time between two tokens of an answer up to which a rest may be long, in seconds: that of a picture on a screen."""

WINDOW: Final = 0.25
"""Time over which the tokens are counted, in seconds."""


class Rest:
    """Owned by the loop's thread, which rests in ``take``. ``end`` may be called from any thread.

    Each wake-up of the loop, of the journal's thread and of the server's own loop costs several times as much as a
    token. While the loop rests, the tokens of all answers gather in the sockets.
    """

    def __init__(self) -> None:
        self._writing: dict[str, int | None] = {}
        """Number of tokens that each answer whose text comes may still have; None: no limit."""
        self._hurried: set[str] = set()
        """Answers that wait for their first text, or for the confirmation of a Stop. There is no rest while there are
        any."""
        self._over = threading.Event()
        self._since = 0.0
        self._count = 0
        self._interval = float("inf")

    def hurry(self, id: str) -> None:
        """Take no rest while this answer waits for its first text or its Stop."""
        self._writing.pop(id, None)
        self._hurried.add(id)

    def allow(self, id: str, left: int | None = None) -> None:
        """Let the loop rest while this answer is written, until its limit of ``left`` more tokens; None: no limit."""
        self._hurried.discard(id)
        self._writing[id] = left

    def forget(self, id: str) -> None:
        """Forget an answer once it or its request has ended."""
        self._hurried.discard(id)
        self._writing.pop(id, None)

    def before(self) -> float:
        """Return how long to rest before a delivery, in seconds."""
        is_batch = len(self._writing) > 1 and self._interval > FAST
        return SHORT_REST if is_batch and not self._hurried else 0.0

    def after(self, updates: int, now: float) -> float:
        """Return how long to rest after a delivery, in seconds. ``now`` is a ``time.monotonic()``."""
        self._count += updates
        if now - self._since >= WINDOW:
            self._interval = (now - self._since) * max(1, len(self._writing)) / self._count
            self._since, self._count = now, 0
        is_fast = self._writing and self._interval <= FAST and not self._hurried
        return min(LONG_REST, self._fewest_left * self._interval) if is_fast else 0.0

    @property
    def _fewest_left(self) -> float:
        """Number of tokens until the first of the answers reaches its limit."""
        return min((left for left in self._writing.values() if left is not None), default=float("inf"))

    def take(self, seconds: float) -> None:
        """Rest until ``end`` is called, or for ``seconds``."""
        if seconds:
            self._over.wait(seconds)
            self._over.clear()

    def end(self) -> None:
        """End the rest, or skip the next one."""
        self._over.set()
