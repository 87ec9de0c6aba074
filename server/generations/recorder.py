"""The thread between the engine and the event loop: whatever happens is in the journal before anybody can see it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from server.generations.entries import Entry
from server.generations.histogram import Histogram
from server.generations.journal import Journal

LAGS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""

Deliver = Callable[[Sequence[Entry]], None]
"""Called on the recorder's thread with what is journaled now; must return quickly and must not raise."""


class _Step(NamedTuple):
    """What was put together, at ``time.monotonic()`` ``put``; None is the last of all."""

    entries: Sequence[Entry] | None
    put: float


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """``ok``; ``failed``, with the reason; or ``off``: this server has none."""

    status: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JournalLoad:
    """``lags``: from when the engine hands a step over until it is journaled; ``waiting``: steps that are not yet."""

    lags: Histogram
    waiting: int


class Recorder:
    """Owns the journal once it is started. Without one, or when that has failed, everything passes as it comes.

    The engine's thread only puts its steps into a queue. All that waits there is committed at once: when the disk is
    slow, one transaction holds several steps.
    """

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        self._deliver: Deliver = lambda entries: None
        self._queue: SimpleQueue[_Step] = SimpleQueue()
        self._lags = Histogram(LAGS)
        self._thread = threading.Thread(target=self._main, name="journal", daemon=True)

    @property
    def status(self) -> JournalStatus:
        if self._journal is None:
            return JournalStatus("off")
        failure = self._journal.failure
        return JournalStatus("ok") if failure is None else JournalStatus("failed", failure)

    @property
    def load(self) -> JournalLoad:
        return JournalLoad(self._lags, self._queue.qsize())

    def start(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._thread.start()

    def put(self, entries: Sequence[Entry]) -> None:
        """Have ``entries`` journaled and then delivered, after all that was put before. For any thread."""
        self._queue.put(_Step(entries, time.monotonic()))

    def close(self) -> None:
        """Record and deliver what was put before, then end the thread and close the journal."""
        self._queue.put(_Step(None, time.monotonic()))
        if self._thread.ident is not None:
            self._thread.join()
        if self._journal is not None:
            self._journal.close()

    # What follows runs on the recorder's thread.

    def _main(self) -> None:
        for entries, since in self._batches():
            if self._journal is not None:
                self._journal.write(entries)
            self._deliver(entries)
            self._lags.count(time.monotonic() - since)

    def _batches(self) -> Iterator[tuple[list[Entry], float]]:
        """All that waits and since when, as soon as something does, until the recorder is closed."""
        closing = False
        while not closing:
            waiting = [self._queue.get(), *self._rest()]
            closing = waiting[-1].entries is None
            if entries := [entry for step in waiting for entry in step.entries or ()]:
                yield entries, waiting[0].put

    def _rest(self) -> Iterator[_Step]:
        try:
            while True:
                yield self._queue.get_nowait()
        except Empty:
            return
