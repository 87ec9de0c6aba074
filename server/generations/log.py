"""One generation's append-only log of numbered events (PROTOCOL 6).

Text pieces have the numbers 1, 2, 3 and so on, and ``done`` the one after the last of them. A reader is a cursor: it
reads what lies after a number, all in one message, so that a slow one gets fewer and larger ones.
"""

from __future__ import annotations

from collections.abc import Callable

from protocol.messages import Done, Token

Wake = Callable[[], None]
"""Called on the event loop when there may be something new; must return quickly."""


class GenerationLog:
    """Owned by the registry, on the event loop: it alone appends. ``epoch`` belongs to this log for ever."""

    def __init__(self, id: str, epoch: str) -> None:
        self.id = id
        self.epoch = epoch
        self.done: Done | None = None
        self._pieces: list[str] = []

    @property
    def pieces(self) -> int:
        """How many text pieces there are, which is also the number of the newest one."""
        return len(self._pieces)

    @property
    def seq(self) -> int:
        """The number of the newest event; 0 while there is none."""
        return self.done.seq if self.done else self.pieces

    @property
    def text(self) -> str:
        """All the text so far."""
        return "".join(self._pieces)

    def append(self, text: str) -> None:
        self._pieces.append(text)

    def finish(self, done: Done) -> None:
        self.done = done

    def read(self, after: int) -> Token | Done | None:
        """The next message for a cursor at ``after``: all the text behind it, else ``done``, else None for now."""
        if after < self.pieces:
            text = "".join(self._pieces[after:])
            return Token(id=self.id, seq=self.pieces, n=self.pieces - after, text=text)
        return self.done if self.done and after < self.done.seq else None
