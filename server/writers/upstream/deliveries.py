"""Delivery of the updates of an upstream's answers to the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from server.engine.base import Listener, Update


class Deliveries:
    """Owns the updates of one turn of the writer's loop, and delivers them together. Belongs to that loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.listener: Listener = lambda updates: None
        self.count = 0
        """Number of deliveries so far."""
        self._loop = loop
        self._updates: list[Update] = []

    def add(self, updates: Iterable[Update]) -> None:
        """Deliver updates with all others of this turn of the loop."""
        if not self._updates:
            self._loop.call_soon(self.flush)
        self._updates.extend(updates)

    def flush(self) -> None:
        """Deliver now what was added."""
        updates, self._updates = self._updates, []
        if updates:
            self.count += 1
            self.listener(updates)
