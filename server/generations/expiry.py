"""Expiry: cancels generations without readers, and drops finished logs whose time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from server.generations.generation import Generation
from server.generations.retention import FinishedLogs
from server.generations.timers import Timers

FINISHED_TIMER: Final = "/finished"
"""Name of the timer for finished logs. Generation keys never begin with a slash."""


class Expiry:
    """Owns the timers and the list of finished logs, on the event loop.

    ``cancel`` is called with the key of an open generation that had no reader for its ``on_detach_ms``; ``forget`` with
    the keys of expired logs.
    """

    def __init__(
        self, finished_logs: FinishedLogs, cancel: Callable[[str], None], forget: Callable[[tuple[str, ...]], None]
    ) -> None:
        self._cancel = cancel
        self._forget = forget
        self._finished_logs = finished_logs
        self._timers = Timers()

    def __contains__(self, key: str) -> bool:
        """Tell whether the detach timer of a generation is running."""
        return key in self._timers

    def update_detach_timer(self, generation: Generation) -> None:
        """Let ``on_detach_ms`` count while the generation is open and has no reader (PROTOCOL 6.5)."""
        delay = generation.on_detach_ms
        if generation.watchers or generation.log.done or delay is None:
            self._timers.clear(generation.key)
        else:
            self._timers.set(generation.key, delay / 1000, self._cancel)

    def finished(self, generation: Generation, at: float) -> None:
        """Keep the log of a generation that finished at ``time.monotonic()`` ``at``, until it expires."""
        self._timers.clear(generation.key)
        self._finished_logs.add(generation.key, at, generation.size)
        self._drop_expired()

    def drop(self, key: str) -> None:
        """Forget a finished log before its time."""
        self._finished_logs.remove(key)
        self._forget((key,))

    def close(self) -> None:
        self._timers.close()

    def _drop_expired(self, _: str = FINISHED_TIMER) -> None:
        """Drop the expired logs, and set the timer for the next one."""
        now = time.monotonic()
        if expired := self._finished_logs.pop_expired(now):
            self._forget(expired)
        if (due := self._finished_logs.due) is not None:
            self._timers.set(FINISHED_TIMER, due - now, self._drop_expired)
