"""One generation as a client sees it: a growing log and any number of readers, each at its own pace.

All objects belong to the event loop of the client that made them.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import NamedTuple, Self, Unpack, cast

from msgspec import UNSET, UnsetType

from protocol.client_changes import Changes, too_late
from protocol.client_errors import RequestError, TextReplacedError
from protocol.client_request import params_of
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Cancel,
    ChatMessage,
    Done,
    Generate,
    Role,
    Snapshot,
    Status,
    Steer,
    Steered,
    Token,
    Tune,
    Tuned,
)
from protocol.params import ParamsKeywords

Event = Accepted | Attached | Status | Token | Steered | Tuned | Snapshot | Done
"""Events of a generation as readers get them: `Accepted` or `Attached` once and first, `Done` once and last."""

Logged = Token | Steered | Tuned | Snapshot


class Bookmark(NamedTuple):
    """Position in a generation's log, with the text up to it: the arguments of ``Chat.attach``."""

    id: str
    epoch: str | None
    after: int
    text: str


class Generation:
    """One generation, made by ``Chat.generate`` and ``Chat.attach``.

    Iterate it for its events: ``Accepted`` (or ``Attached`` when it had begun before), then ``Status``, ``Token``,
    ``Steered`` for each instruction, ``Tuned`` for each change of parameters and, when the whole text is replaced,
    ``Snapshot``; finally ``Done``. Each ``async for`` reads from the beginning at its own pace. Unread events arrive as
    one merged ``Token`` and the newest ``Status``, so a slow reader delays no other and costs no memory beyond the
    text. Reconnecting is invisible. Raises RequestError when the server rejects the
    generation or no longer knows it, DisconnectedError when the connection is lost for good. A failed or cancelled
    generation raises nothing: see ``Done.reason``.
    """

    def __init__(
        self, request: Generate | Attach, send: Callable[[Cancel | Steer | Tune], None], *, text: str = ""
    ) -> None:
        if request.id is None:
            raise ValueError("a client must name its generations")
        self.id: str = request.id
        self.request = request
        self.opening: Accepted | Attached | None = None
        self.status: Status | None = None
        self.result: Done | None = None
        """The `done` event; None until the generation has ended."""
        self.failure: Exception | None = None
        self.log: list[Logged] = []
        self.rewritten = 0
        """Number of times that the log was replaced."""
        self.epoch = request.epoch if isinstance(request, Attach) else None
        self.seq = request.after if isinstance(request, Attach) else 0
        """Number of the newest piece of text (PROTOCOL 5.4)."""
        self.cancelling = False
        self._hollow = False
        self._send = send
        self._changes = Changes(send)
        self.before = text
        """Text from before this client attached. It is part of ``text``, and no event repeats it."""
        self._changed = asyncio.Event()

    @property
    def text(self) -> str:
        """The text so far. It is kept when the generation fails, is cancelled or loses its connection."""
        return self.before + "".join(event.text for event in self.log if not isinstance(event, Steered | Tuned))

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """Messages that the answer adds to a dialogue: its text; between instructions each part, without empty ones.

        The message of an answer that has ended with calls has these, and only the text outside of them.
        """
        if self.result is not None and self.result.tool_calls:
            calls, text = self.result.tool_calls, self.result.content or ""
            return (ChatMessage(role="assistant", content=text, tool_calls=calls),)
        parts: list[tuple[Role, str]] = [("assistant", self.before)]
        for event in self.log:
            match event:
                case Token(text=text):
                    parts[-1] = ("assistant", parts[-1][1] + text)
                case Steered(content=content):
                    parts += [("user", content), ("assistant", "")]
                case Snapshot():
                    parts = list(_parts(event))
        return tuple(ChatMessage(role=role, content=text) for role, text in parts if text)

    @property
    def ended(self) -> bool:
        """True when no more events will come: the generation is done or has failed."""
        return self.result is not None or self.failure is not None

    @property
    def bookmark(self) -> Bookmark:
        """Current position, to resume later or in another process: ``chat.attach(*bookmark)``."""
        return Bookmark(self.id, self.epoch, self.seq, self.text)

    def __aiter__(self) -> AsyncIterator[Event]:
        return Events(self)

    def pieces(self) -> AsyncIterator[Token]:
        """Iterate over the text as it arrives; the pieces joined are ``text``. Raises what iterating raises.

        Also raises TextReplacedError when a snapshot brings a text that does not begin with the part already read.
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
        """Stop the generation in any phase, and wait until the server confirms it (PROTOCOL 6.6).

        Returns the normal ``Done`` when the generation ended by itself just before. Without a connection the cancel is
        sent after the next reconnect. Raises what ``done`` raises.
        """
        self.stop()
        return await self.done()

    def stop(self) -> None:
        """Request the cancel without waiting for it."""
        if not self.ended and not self.cancelling:
            self.cancelling = True
            self._send(Cancel(id=self.id))

    async def steer(self, content: str) -> Steered:
        """Give the model an instruction in mid-answer, and wait until it has read it (PROTOCOL 4.9).

        The text so far stays, and the answer continues after the instruction. Without a connection it is sent after the
        next reconnect. Raises RequestError when the server rejects it, also because the answer has ended, and
        DisconnectedError.
        """
        return cast(Steered, await self._change(Steer(id=self.id, content=content, key=secrets.token_hex(8))))

    async def tune(self, *, on_detach_ms: int | UnsetType | None = UNSET, **params: Unpack[ParamsKeywords]) -> Tuned:
        """Change sampling parameters from the next token on, and wait until they apply (PROTOCOL 4.11).

        What is left out stays as it is. Otherwise like ``steer``.
        """
        message = Tune(id=self.id, params=params_of(params), on_detach_ms=on_detach_ms)
        return cast(Tuned, await self._change(message))

    async def _change(self, message: Steer | Tune) -> Steered | Tuned:
        if self.failure is not None:
            raise self.failure
        if self.result is not None:
            raise too_late(self.id, message)
        return await self._changes.ask(message)

    async def changed(self) -> None:
        """Wait for the next event or failure."""
        await self._changed.wait()

    # --- called by the client ---

    def apply(self, event: Event) -> None:
        """Record an event from the server. The session has checked that it may come now."""
        match event:
            case Accepted() | Attached():
                self._open(event)
            case Status():
                self.status = event
            case Token():
                self.log.append(event)
                self.seq = event.seq
            case Steered() | Tuned():
                self.log.append(event)
                self.seq = event.seq
                self._changes.happened(event)
            case Snapshot() if (event.epoch, event.seq) != (self.epoch, self.seq) or self._hollow:
                self._rewrite(event)
            case Done():
                self.result = event
                self._changes.end(self.id)
        self._changes.read(self.seq)
        self._notify()

    def has_reconnected(self) -> None:
        """Note that the request was repeated on a new connection: changes may be lost with the earlier one."""
        self._changes.reconnected()

    def fail(self, problem: Exception) -> None:
        """Record a failure: readers get the remaining events, then ``problem``."""
        if not self.ended:
            self.failure = problem
            self._changes.fail(problem)
            self._notify()

    def refuse_change(self, problem: RequestError) -> None:
        """Record that the server rejects the oldest instruction or change of parameters, as ``problem.re`` says."""
        self._changes.refuse(problem)

    def _open(self, opening: Accepted | Attached) -> None:
        self.opening = self.opening or opening
        self._changes.opened(opening.to if isinstance(opening, Attached) else 0)
        if isinstance(opening, Attached):
            self._hollow = not opening.recovered
        anew = isinstance(opening, Attached) and opening.recovered and opening.from_ < self.seq
        if anew:  # the log is a new one; read it from the beginning
            self._rewrite(Snapshot(id=self.id, epoch=opening.epoch, seq=0, text=""))
        self.epoch = opening.epoch

    def _rewrite(self, snapshot: Snapshot) -> None:
        self.log = [snapshot]
        self.rewritten += 1
        self.before = ""
        self.seq, self.epoch = snapshot.seq, snapshot.epoch
        self._hollow = False

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Events:
    """Position of one reader in a generation. A cancelled ``anext`` loses nothing: the next one continues."""

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

    def _text(self, log: list[Logged]) -> Logged:
        first = log[self._index]
        if not isinstance(first, Token):
            self._index += 1
            return first
        tokens = list(_tokens(log[self._index :]))
        self._index += len(tokens)
        return first if len(tokens) == 1 else _merged(tokens)


def _merged(tokens: Sequence[Token]) -> Token:
    """Return one message with everything of ``tokens``, which follow each other."""
    logprobs = tuple(logprob for token in tokens for logprob in token.logprobs or ())
    calls = tuple(call for token in tokens for call in token.tool_calls or ())
    return Token(
        id=tokens[0].id,
        seq=tokens[-1].seq,
        n=sum(token.n for token in tokens),
        text="".join(token.text for token in tokens),
        logprobs=logprobs or None,
        tool_calls=calls or None,
    )


def _parts(snapshot: Snapshot) -> Iterator[tuple[Role, str]]:
    """Yield roles and texts of a snapshot: its text before, between and after the instructions."""
    begin = 0
    for instruction in snapshot.steered or ():
        yield "assistant", snapshot.text[begin : instruction.chars]
        yield "user", instruction.content
        begin = instruction.chars
    yield "assistant", snapshot.text[begin:]


def _tokens(log: list[Logged]) -> Iterator[Token]:
    """Yield the tokens at the beginning of a log."""
    for event in log:
        if not isinstance(event, Token):
            return
        yield event


class Pieces:
    """Iterator over the text of a generation, piece by piece."""

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
        """Return the part of a snapshot beyond the text already read; None when there is none."""
        read = "".join(self._read)
        if not snapshot.text.startswith(read):
            raise TextReplacedError(f"{snapshot.id}: the text that was read was replaced by another one")
        text = snapshot.text[len(read) :]
        return Token(id=snapshot.id, seq=snapshot.seq, n=1, text=text) if text else None
