"""What the machine of test_machine.py knows of each generation, and a bare line that checks all that it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256

from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect

from protocol import codec
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    ClientMessage,
    Done,
    DoneReason,
    Error,
    Generate,
    ServerMessage,
    Snapshot,
    Status,
    StatusRequest,
    Token,
    Welcome,
)
from tests.server.transports.peer import DEADLINE
from tests.server.transports.test_connection import answer_to

TOKENS = 40
"""Of each answer that its body does not end earlier."""

ENDED = -1
"""The place of a reader to whom nothing more may come."""


def named(body: Generate, id: str) -> Generate:
    return replace(body, id=id)


class Truth:
    """Owns what was ever shown of one generation. Its text follows from its body, whoever shows it, and when."""

    def __init__(self, body: Generate) -> None:
        self.body = body
        self.id = str(body.id)
        self.epoch: str | None = None
        self.done: Done | None = None
        self.cancelled = False
        self.whole = answer_to(str(body.prompt), body.params.seed or 0, body.params.max_tokens or TOKENS)
        self._chars = {0: 0}

    @property
    def newest(self) -> int:
        """The last number that was shown."""
        return max(self._chars) + (self.done is not None)

    def begin(self, epoch: str) -> None:
        assert self.epoch in (None, epoch)
        self.epoch = epoch

    def show(self, after: int, seq: int, text: str) -> None:
        """The pieces after ``after``, up to ``seq``, are ``text``: they stand where they stood before."""
        if after not in self._chars and seq not in self._chars:
            assert text in self.whole
            return
        start = self._chars[after] if after in self._chars else self._chars[seq] - len(text)
        end = start + len(text)
        assert self.whole[start:end] == text
        assert (self._chars.setdefault(after, start), self._chars.setdefault(seq, end)) == (start, end)

    def end(self, done: Done) -> None:
        """There is one end, however often it is shown, and it fits the text."""
        assert self.done in (None, done)
        self.done = done
        assert self._chars.setdefault(done.seq - 1, done.chars) == done.chars
        assert done.sha256 == sha256(self.whole[: done.chars].encode()).hexdigest()
        if done.reason is DoneReason.CANCELLED:
            assert self.cancelled
        else:
            assert done.reason is (DoneReason.LENGTH if self.body.params.max_tokens else DoneReason.STOP)
            assert done.chars == len(self.whole)


class Line:
    """One socket, and how far it has read each generation. It keeps no text: the truths do."""

    def __init__(self, socket: ClientConnection, truths: dict[str, Truth]) -> None:
        self._socket = socket
        self._truths = truths
        self._unread: list[ServerMessage] = []
        self.places: dict[str, int] = {}

    @classmethod
    async def to(cls, port: int, truths: dict[str, Truth]) -> Line:
        url = f"ws://127.0.0.1:{port}/ws"
        line = cls(
            await connect(url, proxy=None, compression=None, ping_interval=None, open_timeout=DEADLINE, max_queue=1),
            truths,
        )
        await line.take(lambda message: isinstance(message, Welcome))
        return line

    async def send(self, message: ClientMessage) -> None:
        await self._socket.send(codec.encode(message))

    async def take(self, wanted: Callable[[ServerMessage], bool]) -> ServerMessage:
        """Read on to the message that is wanted; all before it are seen, and dropped."""
        while True:
            while self._unread:
                message = self._unread.pop(0)
                self._see(message)
                if wanted(message):
                    return message
            async with asyncio.timeout(DEADLINE):
                self._unread.extend(codec.decode_server(await self._socket.recv(decode=True)))

    async def settle(self) -> list[Error]:
        """Read what the server says until it has carried out all that was sent; returns its refusals."""
        errors: list[Error] = []

        def settled(message: ServerMessage) -> bool:
            errors.extend([message] if isinstance(message, Error) else [])
            return isinstance(message, Status) and message.id is None

        await self.send(StatusRequest())
        await self.take(settled)
        return errors

    async def attach(self, id: str, *, after: int = 0, epoch: str | None = None) -> Attached:
        """Follow from a cursor, and read up to where the log was then."""
        await self.send(Attach(id=id, after=after, epoch=epoch))
        return await self.attached(id)

    async def attached(self, id: str) -> Attached:
        attached = await self.take(lambda message: isinstance(message, Attached) and message.id == id)
        assert isinstance(attached, Attached)
        if not attached.recovered:
            await self.take(lambda message: isinstance(message, Snapshot) and message.id == id)
        while self.places[id] != ENDED and self.places[id] < attached.to:
            await self.take(lambda message: isinstance(message, Token | Done) and message.id == id)
        return attached

    async def until_done(self, id: str) -> Done:
        while self.places[id] != ENDED:
            await self.take(lambda message: isinstance(message, Done) and message.id == id)
        done = self._truths[id].done
        assert done is not None
        return done

    async def vanish(self) -> None:
        """Drop the line without a word, as a network does."""
        self._socket.transport.abort()
        await self._socket.wait_closed()

    def _see(self, message: ServerMessage) -> None:
        match message:
            case Accepted(id=id):
                assert self._truths[id].epoch is None
                self._truths[id].begin(message.epoch)
                self.places[id] = 0
            case Attached(id=id):
                self._truths[id].begin(message.epoch)
                self.places[id] = message.from_
            case Snapshot(id=id):
                self._truths[id].begin(message.epoch)
                self._truths[id].show(0, message.seq, message.text)
                self.places[id] = message.seq
            case Token(id=id):
                assert message.seq - message.n == self.places[id]
                self._truths[id].show(self.places[id], message.seq, message.text)
                self.places[id] = message.seq
            case Done(id=id):
                assert message.seq == self.places[id] + 1
                self._truths[id].end(message)
                self.places[id] = ENDED
