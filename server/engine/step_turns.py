"""Turns of several engines on the same processor cores, and their drafts, which wait until none has work."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator
from types import TracebackType

from server.engine.base import GenerationRequest, Lookup

Work = GenerationRequest | Lookup


class StepTurns:
    """A fair lock: its ``with`` block runs for one thread at a time, in the order in which the threads came to it.

    Engines that compute steps at the same time would share the cores, and each would wait for threads that the other
    one keeps from running. A plain lock is no help: the engine that releases it would usually take it again at once.

    It also knows which engines have work: while one has, no engine reads drafts. Any thread may call its methods.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._next = 0
        """Number of the next thread that comes."""
        self._now = 0
        """Number of the thread whose turn it is."""
        self._working: set[Hashable] = set()
        self._end_draft_step: Callable[[Work | None], None] | None = None
        self._listeners: dict[Hashable, Callable[[], None]] = {}

    @property
    def quiet(self) -> bool:
        """True while no engine has work, so that a draft may be read."""
        return not self._working

    def join(self, engine: Hashable, on_quiet: Callable[[], None]) -> None:
        """Add an engine. ``on_quiet`` is called each time when the last engine with work has no more."""
        with self._changed:
            self._listeners[engine] = on_quiet

    def leave(self, engine: Hashable) -> None:
        """Remove an engine that has ended."""
        with self._changed:
            self._listeners.pop(engine, None)
        self.set_working(engine, False)

    def set_working(self, engine: Hashable, working: bool, work: Work | None = None) -> None:
        """Record whether ``engine`` has work. Work ends a step that reads a draft; ``work``: what has just come."""
        if working == (engine in self._working):
            return
        with self._changed:
            if working:
                self._working.add(engine)
                if self._end_draft_step is not None:
                    self._end_draft_step(work)
            else:
                self._working.discard(engine)
            listeners = () if self._working else tuple(self._listeners.values())
        for listener in listeners:
            listener()

    @contextlib.contextmanager
    def reading_draft(self, end: Callable[[Work | None], None]) -> Iterator[None]:
        """Call ``end`` with what has come if an engine gets work during the block. Use it within a turn."""
        with self._changed:
            self._end_draft_step = end
        try:
            yield
        finally:
            with self._changed:
                self._end_draft_step = None

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
