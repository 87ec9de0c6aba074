"""Expected state of each generation for test_machine.py, and a bare connection that checks all messages against it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

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
from server.engine.base import SamplingParams
from tests.server.engine.scripted_model import ScriptedModel, ScriptedSampler
from tests.server.transports.peer import DEADLINE
from tests.server.transports.test_connection import answer_to

TOKENS = 40
"""Length of each answer, in tokens, unless its body limits it."""

ENDED = -1
"""Place of a reader that may get nothing more."""

AT_LENGTH: Final = "Tell me everything"
LONG_PIECES: Final = [f"{number} ".ljust(16_384, ".") for number in range(TOKENS)]
"""The answer to AT_LENGTH. It fills every buffer of a client that doesn't read; then the server disconnects it."""


class Outspoken(ScriptedModel):
    """Scripted model that answers AT_LENGTH with LONG_PIECES. Their tokens are beyond its vocabulary."""

    def piece(self, token: int) -> bytes:
        first = self.facts.vocabulary
        return super().piece(token) if token < first else LONG_PIECES[token - first].encode()

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> ScriptedSampler:
        if list(prompt) != self.tokenize(AT_LENGTH):
            return super().sampler(params, prompt, written)
        first = self.facts.vocabulary
        return ScriptedSampler(self, [*prompt, *written], iter(range(first + len(written), first + TOKENS)))


def whole(body: Generate) -> str:
    """Return the full answer to a body, computed without the server's code."""
    if body.prompt == AT_LENGTH:
        return "".join(LONG_PIECES)
    return answer_to(str(body.prompt), body.params.seed or 0, body.params.max_tokens or TOKENS)


def named(body: Generate, id: str) -> Generate:
    return replace(body, id=id)


class Truth:
    """Owns everything that clients received of one generation. Its text depends only on its body."""

    def __init__(self, body: Generate) -> None:
        self.body = body
        self.id = str(body.id)
        self.epoch: str | None = None
        self.done: Done | None = None
        self.cancelled = False
        self.whole = whole(body)
        self._chars = {0: 0}

    @property
    def newest(self) -> int:
        """Newest ``seq`` that was received."""
        return max(self._chars) + (self.done is not None)

    def begin(self, epoch: str) -> None:
        assert self.epoch in (None, epoch)
        self.epoch = epoch

    def show(self, after: int, seq: int, text: str) -> None:
        """Check that ``text`` is the pieces after ``after`` up to ``seq``, at the same offsets as before."""
        if after not in self._chars and seq not in self._chars:
            assert text in self.whole
            return
        start = self._chars[after] if after in self._chars else self._chars[seq] - len(text)
        end = start + len(text)
        assert self.whole[start:end] == text
        assert (self._chars.setdefault(after, start), self._chars.setdefault(seq, end)) == (start, end)

    def end(self, done: Done) -> None:
        """Check the end: it is the same each time, and fits the text."""
        assert self.done in (None, done)
        self.done = done
        assert self._chars.setdefault(done.seq - 1, done.chars) == done.chars
        assert done.sha256 == sha256(self.whole[: done.chars].encode()).hexdigest()
        if done.reason is DoneReason.CANCELLED:
            assert self.cancelled
        else:
            assert done.reason is (DoneReason.LENGTH if self.body.params.max_tokens else DoneReason.STOP)
            assert done.chars == len(self.whole)


class LineClosed(Exception):
    """The server has closed the connection with this code."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"the line was closed with {code}")
        self.code = code


class Line:
    """One socket, and how far it has read each generation. It keeps no text: the ``Truth`` objects do.

    It reads whenever the loop runs, unless it stalls.
    """

    def __init__(self, connection: ClientConnection, truths: dict[str, Truth]) -> None:
        self._connection = connection
        self._truths = truths
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._unread: list[ServerMessage] = []
        self._reads = asyncio.Event()
        self._reads.set()
        self._waiting = 0
        self._reader = asyncio.get_running_loop().create_task(self._read_all(), name="line")
        self.places: dict[str, int] = {}

    @classmethod
    async def to(cls, port: int, truths: dict[str, Truth], receive_bytes: int | None = None) -> Line:
        """Connect. ``receive_bytes``: the socket's receive buffer; None for the system's default."""
        plain = socket.socket()
        if receive_bytes is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
        url = f"ws://127.0.0.1:{port}/ws"
        connection = await connect(
            url, sock=plain, proxy=None, compression=None, ping_interval=None, open_timeout=DEADLINE, max_queue=1
        )
        line = cls(connection, truths)
        await line.take(lambda message: isinstance(message, Welcome))
        return line

    async def _read_all(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._reads.wait()
                self._frames.put_nowait(await self._connection.recv(decode=True))
        self._frames.put_nowait(None)

    def stall(self) -> None:
        """Stop reading, except for the frame that is being awaited."""
        self._reads.clear()
        self._waiting = self._frames.qsize()

    @property
    def taken_meanwhile(self) -> int:
        """Return the number of frames read since it stalled."""
        return self._frames.qsize() - self._waiting

    def read_on(self) -> None:
        self._reads.set()

    async def send(self, message: ClientMessage) -> None:
        """Send a frame. A connection that the server has closed raises only when it is read."""
        with contextlib.suppress(ConnectionClosed):
            await self._connection.send(codec.encode(message))

    async def take(self, wanted: Callable[[ServerMessage], bool]) -> ServerMessage:
        """Read up to the wanted message; check and drop those before it. Raises LineClosed."""
        while True:
            while self._unread:
                message = self._unread.pop(0)
                self._see(message)
                if wanted(message):
                    return message
            async with asyncio.timeout(DEADLINE):
                frame = await self._frames.get()
            if frame is None:
                self._frames.put_nowait(None)  # for the next call
                raise LineClosed(self._connection.close_code)
            self._unread.extend(codec.decode_server(frame))

    async def settle(self) -> list[Error]:
        """Read until the server has carried out everything sent so far; return its errors."""
        errors: list[Error] = []

        def settled(message: ServerMessage) -> bool:
            errors.extend([message] if isinstance(message, Error) else [])
            return isinstance(message, Status) and message.id is None

        await self.send(StatusRequest())
        await self.take(settled)
        return errors

    async def attach(self, id: str, *, after: int = 0, epoch: str | None = None) -> Attached:
        """Attach at a cursor, and read up to the end of the log at that moment."""
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
        """Drop the connection without a close frame, as a network does."""
        self._connection.transport.abort()
        self.read_on()
        await self._connection.wait_closed()
        await self._reader

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
