"""Delivery of the updates of an upstream's answers to the registry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from server.engine.base import Listener, Update
from server.writers.upstream.rest import Rest

READING_TURNS: Final = 3
"""Turns of the loop until what is in the sockets is read: one gets the bytes, one wakes the tasks, one runs them."""


class Deliveries:
    """Owns the updates of one turn of the writer's loop, and delivers them together. Belongs to that loop's thread,
    which rests after a delivery."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.listener: Listener = lambda updates: None
        self.count = 0
        """Number of deliveries so far."""
        self._loop = loop
        self._updates: list[Update] = []
        self.rest = Rest()

    def add(self, updates: Iterable[Update]) -> None:
        """Deliver updates with all others of this turn of the loop, or of the next ones."""
        if not self._updates:
            self._loop.call_soon(self._gather if self.rest.before() else self.flush)
        self._updates.extend(updates)

    def flush(self) -> None:
        """Deliver now what was added."""
        updates, self._updates = self._updates, []
        if updates:
            self.count += 1
            self.listener(updates)
            self.rest.take(self.rest.after(len(updates), time.monotonic()))

    def _gather(self) -> None:
        """Rest, then deliver also what has come meanwhile."""
        self.rest.take(self.rest.before())
        self._after_turns(READING_TURNS)

    def _after_turns(self, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._after_turns, turns - 1)
        else:
            self.flush()
