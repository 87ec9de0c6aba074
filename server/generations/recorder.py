"""Thread between the engine and the event loop: every update is journaled before any reader sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from server.engine.base import Finished, FinishReason, Update
from server.generations.entries import Begun, Broken, Entry
from server.generations.histogram import Histogram
from server.generations.journal import Journal
from server.generations.parts import ServerParts
from server.logs import described

LAGS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Histogram bounds, in seconds."""

Deliver = Callable[[Sequence[Entry]], None]
"""Called on the recorder's thread with the entries just journaled. Must return quickly and must not raise."""

Died = Callable[[str, BaseException], None]
"""Called once on the recorder's thread, with the reason, when the recorder has failed."""


class _Step(NamedTuple):
    """Entries put together at ``time.monotonic()`` ``put``; None ends the thread."""

    entries: Sequence[Entry] | None
    put: float


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """Status ``ok``, ``failed`` (with ``error``), or ``off`` (no journal)."""

    status: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JournalLoad:
    """``lags``: from delivery by the engine until journaled; ``waiting``: number of steps not journaled yet."""

    lags: Histogram
    waiting: int


class Recorder:
    """Owns the journal once started. Without one, or after it failed, entries pass through unchanged.

    The engine's thread only puts its steps into a queue. All waiting steps are committed together: on a slow disk, one
    transaction contains several.

    After an unexpected fault ``failure`` is set; the recorder still records and delivers whatever it can.
    """

    def __init__(self, journal: Journal | None, parts: ServerParts | None = None) -> None:
        self._journal = journal
        self._parts = parts or ServerParts()
        self.failure: str | None = None
        self.suspending = False
        """True once the open generations are left for the next server: their interruption is not recorded."""
        self._temporary: set[str] = set()
        """Open generations that the journal never gets. Each is added before the engine has it."""
        self._deliver: Deliver = lambda entries: None
        self._died: Died = lambda reason, error: None
        self._ended = False
        """True once the thread no longer reads the queue."""
        self._queue: SimpleQueue[_Step] = SimpleQueue()
        self._lags = Histogram(LAGS)
        self._thread = threading.Thread(target=self._main, name="journal", daemon=True)

    @property
    def status(self) -> JournalStatus:
        if self._journal is None:
            return JournalStatus("off")
        if self.failure is not None:
            return JournalStatus("failed", f"the journal's thread: {self.failure}; restart the server")
        failure = self._journal.failure
        return JournalStatus("ok") if failure is None else JournalStatus("failed", failure)

    @property
    def load(self) -> JournalLoad:
        return JournalLoad(self._lags, self._queue.qsize())

    @property
    def alive(self) -> bool:
        return self.failure is None and self._thread.is_alive()

    def start(self, deliver: Deliver, died: Died | None = None) -> None:
        self._deliver, self._died = deliver, died or self._died
        self._thread.start()

    def put(self, entries: Sequence[Entry]) -> None:
        """Journal ``entries`` and then deliver them, after all earlier ones. May be called from any thread."""
        self._queue.put(_Step(entries, time.monotonic()))
        if self._ended:
            self._deliver_rest()

    def begin(self, begun: Begun) -> None:
        """Journal a new generation and then deliver it, as ``put``; a temporary one is only delivered."""
        if begun.body.temporary:
            self._temporary.add(begun.id)
        self.put([begun])

    def record_step(self, updates: Sequence[Update]) -> None:
        """Journal the updates of one step, and then deliver them. Called on the engine's thread."""
        self.put(without_interrupted(updates, self._temporary) if self.suspending else updates)

    def suspends(self, id: str) -> bool:
        """Tell whether this generation, if it is open, is left for the next server."""
        return self.suspending and id not in self._temporary

    def close(self) -> None:
        """Record and deliver everything in the queue, then end the thread and close the journal."""
        self._queue.put(_Step(None, time.monotonic()))
        if self._thread.ident is not None:
            self._thread.join()
        if self._journal is not None:
            self._journal.close()

    # The methods below run on the recorder's thread.

    def _main(self) -> None:
        try:
            for entries, since in self._batches():
                self._record(entries, since)
        except BaseException as error:
            self._fail(error)
        finally:
            self._ended = True
            self._deliver_rest()

    def _record(self, entries: Sequence[Entry], since: float) -> None:
        try:
            try:
                if self._journal is not None:
                    self._journal.write(entries)
            finally:
                self._deliver(entries)
                if self._temporary:
                    self._temporary.difference_update(e.id for e in entries if isinstance(e, Finished | Broken))
        except BaseException as error:
            self._fail(error)
        self._parts.guarded("the journal's measurements", lambda: self._lags.count(time.monotonic() - since))

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = described(error)
            self._died(self.failure, error)

    def _deliver_rest(self) -> None:
        """Deliver the rest of the queue on any thread, after the recorder's has ended, so that no caller waits
        forever."""
        for step in self._rest():
            if step.entries:
                self._deliver(step.entries)

    def _batches(self) -> Iterator[tuple[list[Entry], float]]:
        """Yield all waiting entries and the time of the oldest, as soon as there are any, until the recorder is
        closed."""
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


def without_interrupted(updates: Sequence[Update], temporary: Collection[str] = ()) -> list[Update]:
    """Return a step's updates without those of interrupted generations that are not ``temporary``.

    The next server resumes these, and then holds back the same text that the engine released here.
    """
    ended = (u.id for u in updates if isinstance(u, Finished) and u.reason is FinishReason.INTERRUPTED)
    interrupted = {id for id in ended if id not in temporary}
    return [update for update in updates if update.id not in interrupted]
