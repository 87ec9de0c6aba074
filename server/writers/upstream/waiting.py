"""The answers that wait to be sent to an upstream, their order, and reports of their positions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from server.engine.base import Queued
from server.writers.upstream.answer import Answer

POSITIONS_PER_SECOND: Final = 1000
"""Limit on the positions that are worked out in a second. With more answers waiting they are reported less often."""


class Waiting:
    """Owns the answers that wait. Belongs to the writer's loop.

    Their order is round-robin across principals, as in engine/scheduler.py. ``running``, in a method's arguments:
    number of running answers of each principal.
    """

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._of: dict[str, dict[str, int]] = {}
        """Ids of each principal's answers, with the numbers of their arrival."""
        self._arrived = 0
        self._positions: dict[str, int] = {}
        """Positions as they were reported."""

    def __len__(self) -> int:
        return len(self._answers)

    def __iter__(self) -> Iterator[Answer]:
        return iter(tuple(self._answers.values()))

    def get(self, id: str) -> Answer | None:
        return self._answers.get(id)

    def add(self, answer: Answer) -> None:
        self._arrived += 1
        self._answers[answer.id] = answer
        self._of.setdefault(answer.principal, {})[answer.id] = self._arrived

    def remove(self, answer: Answer) -> None:
        del self._answers[answer.id]
        self._positions.pop(answer.id, None)
        own = self._of[answer.principal]
        del own[answer.id]
        if not own:
            del self._of[answer.principal]

    def take(self, running: Counter[str]) -> Answer:
        """Remove the next answer and return it."""
        first = {principal: next(iter(own.items())) for principal, own in self._of.items()}
        next_one = min(first, key=lambda principal: (running[principal], first[principal][1]))
        answer = self._answers[first[next_one][0]]
        self.remove(answer)
        return answer

    def moved(self, running: Counter[str]) -> Iterator[Queued]:
        """Yield the positions that have changed since the last call."""
        turns = Counter(running)
        ranked: list[tuple[int, str]] = []
        for id, answer in self._answers.items():
            ranked.append((turns[answer.principal], id))
            turns[answer.principal] += 1
        for position, (_, id) in enumerate(sorted(ranked, key=lambda each: each[0]), start=1):
            if self._positions.get(id) != position:
                self._positions[id] = position
                yield Queued(id, position)


class PositionReports:
    """Reports positions after changes of the queue, at once or after a pause. Owns the timer."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        waiting: Waiting,
        running: Callable[[], Counter[str]],
        deliver: Callable[[Iterable[Queued]], None],
    ) -> None:
        self._loop = loop
        self._waiting = waiting
        self._running = running
        self._deliver = deliver
        self._timer: asyncio.TimerHandle | None = None
        self._earliest = 0.0
        """Earliest time of the next report, on the clock of the event loop."""

    def queue_changed(self) -> None:
        """Report the positions that have changed, once for all changes of the pause."""
        if self._timer is None and len(self._waiting):
            self._timer = self._loop.call_at(max(self._loop.time(), self._earliest), self._report)

    def _report(self) -> None:
        self._timer = None
        self._earliest = self._loop.time() + len(self._waiting) / POSITIONS_PER_SECOND
        self._deliver(self._waiting.moved(self._running()))
