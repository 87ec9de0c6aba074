"""Places for unfinished generations: the limits of the queue, of one principal, and of the logs' memory."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

from protocol.messages import Generate
from server.generations.generation_table import GenerationTable
from server.generations.refusals import busy, too_many_active
from server.generations.retention import FinishedLogs
from server.writers.writer_port import Writer

QUEUE_LIMIT: Final = 256
"""Maximum number of waiting generations."""


class Places:
    """Owns the limits, and the places of generations that are about to begin. Belongs to the event loop.

    ``queue_limit``: waiting generations of all principals; ``active_limit``: waiting or running ones per principal,
    None: no separate limit; ``logs_limit``: bytes of all finished and open logs together.
    """

    def __init__(
        self,
        generations: GenerationTable,
        finished: FinishedLogs,
        writer: Writer,
        logs_limit: int,
        queue_limit: int,
        active_limit: int | None,
    ) -> None:
        room = queue_limit + writer.slots
        self.queue_limit = queue_limit
        self.active_limit = room if active_limit is None else min(active_limit, room)
        self._generations = generations
        self._finished = finished
        self._writer = writer
        self._logs_limit = logs_limit
        self._reserved: Counter[str] = Counter()
        """Number of reserved places of each principal."""

    def next_position(self, model: str) -> int:
        """Return the number of generations that must end before another one of this model starts."""
        slots = next((each.slots for each in self._writer.models if each.name == model), 0)
        waiting_for = sum(generation.model == model for generation in self._generations.unfinished)
        return max(0, waiting_for + 1 - slots)

    @contextlib.contextmanager
    def reserved(self, body: Generate, principal: str) -> Iterator[None]:
        """Reserve a place for the block, in which the generation begins. Raises RemoteProtocolError at a limit."""
        self._refuse_when_full(body, principal)
        self._reserved[principal] += 1
        try:
            yield
        finally:
            self._reserved[principal] -= 1
            self._reserved += Counter()  # drops the principals without a place

    def _refuse_when_full(self, body: Generate, principal: str) -> None:
        unfinished = self._generations.unfinished
        room = self.queue_limit + self._writer.slots
        own = sum(generation.principal == principal for generation in unfinished) + self._reserved[principal]
        if own >= self.active_limit < room:
            raise too_many_active(body, self.active_limit, self._writer.eta_ms())
        if len(unfinished) + self._reserved.total() >= room:
            text = f"{self.queue_limit} generations are waiting already; try again later"
            raise busy(body, text, retry_after_ms=self._writer.eta_ms())
        if self._finished.size + sum(generation.size for generation in unfinished) >= self._logs_limit:
            raise busy(body, "the memory for recent answers is full; try again later")
