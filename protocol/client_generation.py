"""One generation as a client sees it: a log that grows, and any number of readers of it, each at its own pace.

DisconnectedError         no connection, and none will come by itself
└── ClosedError           because this client was closed
RequestError              the server refuses a request (a RemoteProtocolError, with `code` and `message`)
TextReplacedError         another text has taken the place of the one that was read

Everything here belongs to the event loop of the client that made it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, Self

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Done,
    Error,
    Generate,
    Snapshot,
    Status,
    Token,
)

Event = Accepted | Attached | Status | Token | Snapshot | Done
"""What a reader gets of a generation: `Accepted` or `Attached` once and first, `Done` once and last."""


class DisconnectedError(ConnectionError):
    """No news will come any more. ``code`` is the close code, None when there was none (PROTOCOL 9)."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class ClosedError(DisconnectedError):
    """This client was closed while it was waited for; on the server the generation goes on (PROTOCOL 6.5)."""


class RequestError(RemoteProtocolError):
    """The server refuses a request, or it breaks a rule and was not sent. ``error`` is the message as it came.

    ``code`` is INTERNAL for a code of a later version; ``error.code`` has the code itself.
    """

    def __init__(self, error: Error) -> None:
        known = error.code in ErrorCode.__members__.values()
        code = ErrorCode(error.code) if known else ErrorCode.INTERNAL
        super().__init__(code, error.message, re=error.re, id=error.id, retry_after_ms=error.retry_after_ms)
        self.error = error

    def __reduce__(self) -> tuple[type[Self], tuple[Error]]:
        return type(self), (self.error,)

    def __str__(self) -> str:
        return f"{self.error.code}: {self.message}"

    @property
    def retryable(self) -> bool:
        return self.error.retryable


class TextReplacedError(Exception):
    """What was read so far is not how the text begins any more: read ``generation.text`` anew."""


class Bookmark(NamedTuple):
    """How far a generation was read: the arguments of ``Chat.attach``."""

    id: str
    epoch: str | None
    after: int
    text: str


class Generation:
    """One generation, made by ``Chat.generate`` and ``Chat.attach``.

    Iterate it for its events: ``Accepted`` (or ``Attached``, when it had begun before), then ``Status``, ``Token`` and,
    when the text so far is replaced as a whole, ``Snapshot``; at last ``Done``. Each ``async for`` reads from the
    beginning, at its own pace: what it has not read yet comes as one merged ``Token`` and the newest ``Status``, so a
    slow reader holds up nobody and costs no memory but the text. Reconnecting does not show. It raises RequestError
    when the server refuses the generation or does not know it any more, DisconnectedError when there is no connection
    and none will come. An answer that failed or was cancelled raises nothing: ``Done.reason`` says so.
    """

    def __init__(self, request: Generate | Attach, cancel: Callable[[], None], *, text: str = "") -> None:
        if request.id is None:
            raise ValueError("a client names its generations itself")
        self.id: str = request.id
        self.request = request
        self.opening: Accepted | Attached | None = None
        self.status: Status | None = None
        self.result: Done | None = None
        """How it ended, once it has."""
        self.failure: Exception | None = None
        self.log: list[Token | Snapshot] = []
        self.rewritten = 0
        """How often the log was replaced."""
        self.epoch = request.epoch if isinstance(request, Attach) else None
        self.seq = request.after if isinstance(request, Attach) else 0
        """The number of the last piece of text."""
        self.cancelling = False
        self._send_cancel = cancel
        self.before = text
        """What was read before this client came to it; it is in ``text``, and no event brings it again."""
        self._changed = asyncio.Event()

    @property
    def text(self) -> str:
        """The text so far. It stays when the generation fails, is cancelled or loses its connection."""
        return self.before + "".join(event.text for event in self.log)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come: it is done, or it has failed."""
        return self.result is not None or self.failure is not None

    @property
    def bookmark(self) -> Bookmark:
        """Where to go on later, maybe in another process: ``chat.attach(*bookmark)``."""
        return Bookmark(self.id, self.epoch, self.seq, self.text)

    def __aiter__(self) -> AsyncIterator[Event]:
        return Events(self)

    def pieces(self) -> AsyncIterator[Token]:
        """The text alone, as it comes; the pieces joined are ``text``. Raises what iterating raises.

        Raises TextReplacedError when a snapshot brings a text that does not begin with what was read.
        """
        return Pieces(self)

    async def done(self) -> Done:
        """Wait for the end. Raises RequestError or DisconnectedError; no time limit but ``asyncio.timeout``."""
        while self.result is None:
            if self.failure is not None:
                raise self.failure
            await self.changed()
        return self.result

    async def cancel(self) -> Done:
        """Stop it, in whatever phase it is, and wait until the server says that it has (PROTOCOL 6.6).

        It may have ended by itself just before: then that ``Done`` is returned. Without a connection the cancel is
        sent as soon as there is one. Raises what ``done`` raises.
        """
        self.stop()
        return await self.done()

    def stop(self) -> None:
        """Ask for the cancel, and do not wait for it."""
        if not self.ended and not self.cancelling:
            self.cancelling = True
            self._send_cancel()

    async def changed(self) -> None:
        """Wait for the next news, of whatever kind."""
        await self._changed.wait()

    # --- what the client tells it ---

    def apply(self, event: Event) -> None:
        """Take in what the server sent. The session has checked that it may come now."""
        match event:
            case Accepted() | Attached():
                self._open(event)
            case Status():
                self.status = event
            case Token():
                self.log.append(event)
                self.seq = event.seq
            case Snapshot():
                self._rewrite(event)
            case Done():
                self.result = event
        self._notify()

    def fail(self, problem: Exception) -> None:
        """It will get no further. Its readers get what has come, then ``problem``."""
        if not self.ended:
            self.failure = problem
            self._notify()

    def _open(self, opening: Accepted | Attached) -> None:
        self.opening = self.opening or opening
        anew = isinstance(opening, Attached) and opening.recovered and opening.from_ < self.seq
        if anew:  # the log is another one, and is read from its beginning
            self._rewrite(Snapshot(id=self.id, epoch=opening.epoch, seq=0, text=""))
        self.epoch = opening.epoch

    def _rewrite(self, snapshot: Snapshot) -> None:
        self.log = [snapshot]
        self.rewritten += 1
        self.before = ""
        self.seq, self.epoch = snapshot.seq, snapshot.epoch

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Events:
    """A reader's place in a generation. A cancelled ``anext`` loses nothing: the next one goes on."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._opened = False
        self._status: Status | None = None
        self._rewritten = 0
        self._index = 0
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._over:
            event = self._next()
            if event is not None:
                return event
            if self._generation.failure is not None:
                raise self._generation.failure
            await self._generation.changed()
        raise StopAsyncIteration

    def _next(self) -> Event | None:
        generation = self._generation
        if generation.opening is not None and not self._opened:
            self._opened = True
            return generation.opening
        if generation.status is not self._status and not generation.ended:
            self._status = generation.status
            return generation.status
        if self._rewritten != generation.rewritten:
            self._rewritten, self._index = generation.rewritten, 0
        if self._index < len(generation.log):
            return self._text(generation.log)
        self._over = generation.result is not None
        return generation.result

    def _text(self, log: list[Token | Snapshot]) -> Token | Snapshot:
        first = log[self._index]
        if isinstance(first, Snapshot):
            self._index += 1
            return first
        tokens = [event for event in log[self._index :] if isinstance(event, Token)]
        self._index = len(log)
        if len(tokens) == 1:
            return first
        text = "".join(token.text for token in tokens)
        return Token(id=first.id, seq=tokens[-1].seq, n=sum(token.n for token in tokens), text=text)


class Pieces:
    """The text of a generation, piece by piece."""

    def __init__(self, generation: Generation) -> None:
        self._events = Events(generation)
        self._read = [generation.before]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Token:
        async for event in self._events:
            piece = self._rest(event) if isinstance(event, Snapshot) else event
            if isinstance(piece, Token):
                self._read.append(piece.text)
                return piece
        raise StopAsyncIteration

    def _rest(self, snapshot: Snapshot) -> Token | None:
        """What a snapshot adds to what was read."""
        read = "".join(self._read)
        if not snapshot.text.startswith(read):
            raise TextReplacedError(f"{snapshot.id}: the text that was read was replaced by another one")
        text = snapshot.text[len(read) :]
        return Token(id=snapshot.id, seq=snapshot.seq, n=1, text=text) if text else None
