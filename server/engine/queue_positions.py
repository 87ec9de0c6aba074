"""Positions of the waiting sequences and estimates of their start. Runs on the worker's thread."""

from __future__ import annotations

import time

from server.engine.base import Queued, Update
from server.engine.estimate import QueueEstimate
from server.engine.scheduler import Scheduler
from server.engine.sequence import Sequence


class QueuePositions:
    """Reports changes of the queue of ``scheduler``. Owns the estimate."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._estimate = QueueEstimate()
        self._seen_moves = -1
        self.eta_ms: int | None = None
        """Estimated start of a new request, in milliseconds. Replaced as a whole, so other threads may read it."""

    def ended(self, sequence: Sequence) -> None:
        """Record that a sequence has left its slot for good."""
        self._estimate.learn(sequence.times.seconds_in_slot(time.monotonic()))

    def updates(self) -> list[Update]:
        """Return an update for each sequence that waits for its first slot and whose queue position changed."""
        if self._seen_moves == self._scheduler.moves:
            return []
        self._seen_moves = self._scheduler.moves
        waiting = [each for each in self._scheduler.waiting if not each.begun and each.lookup is None]
        now = time.monotonic()
        starts = self._estimate.starts(
            elapsed=(
                sequence.times.seconds_in_slot(now) for sequence in self._scheduler.running if not sequence.lookup
            ),
            free=len(self._scheduler.free) + len(self._scheduler.looking),
            waiting=len(waiting) + 1,
        )
        etas = [None] * (len(waiting) + 1) if starts is None else [round(seconds * 1000) for seconds in starts]
        self.eta_ms = etas[-1]
        moved: list[Update] = []
        for position, sequence in enumerate(waiting, start=1):
            if sequence.position != position:
                sequence.position = position
                moved.append(Queued(sequence.id, position, etas[position - 1]))
        return moved
