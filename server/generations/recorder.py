"""The thread between the engine and the event loop: whatever happens is in the journal before anybody can see it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from server.generations.entries import Entry
from server.generations.journal import Journal

Deliver = Callable[[Sequence[Entry]], None]
"""Called on the recorder's thread with what is journaled now; must return quickly and must not raise."""


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """``ok``; ``failed``, with the reason; or ``off``: this server has none."""

    status: str
    error: str | None = None


class Recorder:
    """Owns the journal once it is started. Without one, or when that has failed, everything passes as it comes.

    The engine's thread only puts its steps into a queue. All that waits there is committed at once: when the disk is
    slow, one transaction holds several steps.
    """

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        self._deliver: Deliver = lambda entries: None
        self._queue: SimpleQueue[Sequence[Entry] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._main, name="journal", daemon=True)

    @property
    def status(self) -> JournalStatus:
        if self._journal is None:
            return JournalStatus("off")
        failure = self._journal.failure
        return JournalStatus("ok") if failure is None else JournalStatus("failed", failure)

    def start(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._thread.start()

    def put(self, entries: Sequence[Entry]) -> None:
        """Have ``entries`` journaled and then delivered, after all that was put before. For any thread."""
        self._queue.put(entries)

    def close(self) -> None:
        """Record and deliver what was put before, then end the thread and close the journal."""
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()
        if self._journal is not None:
            self._journal.close()

    # What follows runs on the recorder's thread.

    def _main(self) -> None:
        for entries in self._batches():
            if self._journal is not None:
                self._journal.write(entries)
            self._deliver(entries)

    def _batches(self) -> Iterator[list[Entry]]:
        """All that waits, as soon as something does, until the recorder is closed."""
        closing = False
        while not closing:
            waiting = [self._queue.get(), *self._rest()]
            closing = waiting[-1] is None
            if entries := [entry for step in waiting if step is not None for entry in step]:
                yield entries

    def _rest(self) -> Iterator[Sequence[Entry] | None]:
        try:
            while True:
                yield self._queue.get_nowait()
        except Empty:
            return
