"""Turns of several engines on the same processor cores."""

from __future__ import annotations

import threading
from types import TracebackType


class StepTurns:
    """A fair lock: its ``with`` block runs for one thread at a time, in the order in which the threads came to it.

    Engines that compute steps at the same time would share the cores, and each would wait for threads that the other
    one keeps from running. A plain lock is no help: the engine that releases it would usually take it again at once.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._next = 0
        """Number of the next thread that comes."""
        self._now = 0
        """Number of the thread whose turn it is."""

    def __enter__(self) -> None:
        with self._changed:
            number = self._next
            self._next += 1
            self._changed.wait_for(lambda: self._now == number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._changed:
            self._now += 1
            self._changed.notify_all()
