"""A reader of one generation's log, for one connection."""

from __future__ import annotations

import sys

from protocol.messages import Attach, AttachPoint, ServerMessage, Status
from server.generations.generation import Generation
from server.generations.log import GenerationLog


def resume_at(log: GenerationLog, point: Attach | AttachPoint) -> int | None:
    """The number behind which a reader at ``point`` reads on; None when that is no cursor of this log (PROTOCOL 6.8).

    Of a log that has ended it gets `done` in any case, again if need be.
    """
    if point.epoch in (None, log.epoch) and point.after <= log.seq:
        return min(point.after, log.pieces)
    return None


class Reader:
    """This connection's cursor in one log, and the last status that it was sent."""

    def __init__(self, generation: Generation, after: int) -> None:
        self.generation = generation
        self._after = after
        self._joined = generation.log.size
        self._status: Status | None = None

    @property
    def more(self) -> bool:
        """Whether there are events that were not read."""
        return self._after < self.generation.log.seq

    @property
    def behind(self) -> int:
        """How many bytes of what was written since the reader came were not read."""
        log = self.generation.log
        return log.size - max(self._joined, log.size_at(self._after))

    def read(self, room: int = sys.maxsize) -> list[ServerMessage]:
        """What is new, in as few messages as there can be. A status that `done` has overtaken is left out.

        Once there are ``room`` bytes of text, the rest is left for the next time.
        """
        log, status = self.generation.log, self.generation.status
        news: list[ServerMessage] = []
        if status is not self._status and not log.done:
            self._status = status
            news.append(status)
        while room > 0 and (event := log.read(self._after)) is not None:
            room -= log.size_at(event.seq) - log.size_at(self._after)
            self._after = event.seq
            news.append(event)
        return news
