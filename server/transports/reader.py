"""Reader of one generation's log, for one connection."""

from __future__ import annotations

import sys

from protocol.messages import Attach, AttachPoint, ServerMessage, Status, Steered, Tuned
from server.generations.generation import Generation
from server.generations.log import GenerationLog


def resume_at(log: GenerationLog, point: Attach | AttachPoint) -> int | None:
    """Return the number after which a reader at ``point`` resumes; None if it is no cursor of this log (PROTOCOL 6.8).

    A reader of a log that has ended gets `done` in any case, even a second time.
    """
    if point.epoch in (None, log.epoch) and point.after <= log.seq:
        return min(point.after, log.pieces)
    return None


class Reader:
    """Cursor of a connection in one log, and the last status that it was sent."""

    def __init__(self, generation: Generation, after: int) -> None:
        self.generation = generation
        self._after = after
        self._joined = generation.log.size
        self._status: Status | None = None

    @property
    def more(self) -> bool:
        """True if there are unread events."""
        return self._after < self.generation.log.seq

    @property
    def behind(self) -> int:
        """Unread bytes among those written since the reader was created."""
        log = self.generation.log
        return log.size - max(self._joined, log.size_at(self._after))

    def read(self, room: int = sys.maxsize) -> list[ServerMessage]:
        """Return new events in as few messages as possible, without a status that is older than `done`.

        After ``room`` bytes of text the rest is left for the next call. A status that says that no text comes follows
        all text.
        """
        log, status = self.generation.log, self.generation.status
        news: list[ServerMessage] = []
        if status.upstream is None:
            news += self._new_status(status)
        while room > 0 and (event := log.read(self._after)) is not None:
            room -= log.size_at(event.seq) - log.size_at(self._after)
            self._after = event.seq
            news.append(event)
            if isinstance(event, Steered | Tuned):
                room -= log.size_at(event.seq)  # of the snapshot
                news.append(log.snapshot_at(event.seq))
        if status.upstream is not None and not self.more:
            news += self._new_status(status)
        return news

    def _new_status(self, status: Status) -> list[ServerMessage]:
        """Return the status if it has changed (PROTOCOL 5.3) and the generation runs."""
        if status == self._status or self.generation.log.done:
            return []
        self._status = status
        return [status]
