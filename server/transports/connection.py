"""One connection, whatever carries its frames, and the generations that it watches.

Four tasks live as long as the socket: one always receives, one carries out what was received in its order, one sends,
and one sees to it that the client keeps up.
No token is queued for a reader: the sender reads the logs from its cursors whenever the socket can take more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sys
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from protocol.errors import CloseCode, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    AttachPoint,
    Cancel,
    ClientMessage,
    Detach,
    Done,
    Error,
    Generate,
    Goodbye,
    Hello,
    Ping,
    Pong,
    ServerMessage,
    Snapshot,
    Status,
    StatusRequest,
)
from protocol.plain import PlainSession
from protocol.session import ServerSession
from server.generations.generation import Generation
from server.generations.log import SLICE_BYTES
from server.generations.registry import Registry
from server.logs import event
from server.transports.greeting import welcome
from server.transports.pace import Pace
from server.transports.reader import Reader, resume_at
from server.transports.socket import Disconnected, Socket

logger = logging.getLogger(__name__)

INBOX_LIMIT: Final = 64
"""Messages that were received and wait to be carried out; beyond it the socket is read no further."""

OUTBOX_LIMIT: Final = 1024
"""Frames that wait for a client which sends and does not read; beyond it the socket is closed with 4508."""

CLOSE_SECONDS: Final = 10.0
"""How long a client that does not read is given to take the close."""


class JsonSession(ServerSession):
    """A ServerSession with the surface of PlainSession."""

    def frames(self, message: ServerMessage, now: float) -> list[str]:
        return [self.send(message, now)]

    def pending(self) -> list[ClientMessage | RemoteProtocolError]:
        return []


class Connection:
    """Owns the session, the outbox and the readers of one socket.

    ``name`` stands in its `welcome`. On HTTP it is all that is needed to speak in its place: nobody can guess it.
    """

    def __init__(
        self,
        socket: Socket,
        registry: Registry,
        session: JsonSession | PlainSession,
        *,
        close_when_idle: bool = False,
    ) -> None:
        self.name = secrets.token_hex(16)
        self._socket = socket
        self._registry = registry
        self._session = session
        self._close_when_idle = close_when_idle
        self.closed = asyncio.Event()
        self._leaving: CloseCode | None = None
        self._asked = False
        self._carrying_out = False
        self._inbox: asyncio.Queue[tuple[ClientMessage | RemoteProtocolError, float]] = asyncio.Queue(INBOX_LIMIT)
        self._outbox: deque[str] = deque()
        self._readers: dict[str, Reader] = {}
        self._wake = asyncio.Event()
        self._pace = Pace()
        self._late = asyncio.Event()

    async def run(self) -> None:
        """Serve the socket, which has been accepted, until it closes. Leaves no task and no watcher behind."""
        self._send(welcome(self._registry, self.name))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive_all(), name="receive")
                tasks.create_task(self._carry_out_all(), name="carry out")
                tasks.create_task(self._send_all(), name="send")
                tasks.create_task(self._keep_pace(), name="keep pace")
        except* Disconnected:
            pass
        except* _SlowReader:
            await self._close_slow()
        finally:
            for id in tuple(self._readers):
                self._unwatch(id)
            self.closed.set()

    def say_goodbye(self, code: CloseCode, reconnect_ms: int) -> None:
        """Send what the logs hold, then `goodbye`, then close with ``code`` (PROTOCOL 3.3)."""
        self._read_logs()
        self._send(Goodbye(code=code, reconnect_ms=reconnect_ms))
        self._leaving = code

    async def _close_slow(self) -> None:
        """Tell a client that doesn't read, as long as the socket may yet take it."""
        self._registry.tally.slow_closes += 1
        with contextlib.suppress(TimeoutError, Disconnected):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(CloseCode.SLOW_READER)

    # Receiving

    async def _receive_all(self) -> None:
        while True:
            frame = await self._socket.receive()
            await self._take(frame, time.monotonic())

    async def _take(self, frame: str | bytes, now: float) -> None:
        for message in self._session.receive(frame, now):
            if isinstance(message, Ping):  # answered at once, whatever waits in the inbox (PROTOCOL 4.7)
                self._send(Pong(nonce=message.nonce))
            else:
                await self._inbox.put((message, now))
        self._wake.set()
        await asyncio.sleep(0)  # the sender's turn: only what the socket does not take counts
        if len(self._outbox) > OUTBOX_LIMIT:
            raise _SlowReader

    # Carrying out

    async def _carry_out_all(self) -> None:
        while True:
            message, received = await self._inbox.get()
            self._carrying_out = True
            try:
                await self._carry_out(message, received)
            except RemoteProtocolError as error:
                self._asked = True  # a refusal is an answer too (PROTOCOL 3.5)
                event(logger, logging.DEBUG, "refused", code=error.code)
                self._send(error.as_message())
            self._carrying_out = False
            self._wake.set()

    async def _carry_out(self, message: ClientMessage | RemoteProtocolError, received: float) -> None:
        self._asked = self._asked or isinstance(message, Generate | Attach)
        match message:
            case RemoteProtocolError():
                raise message
            case Generate():
                await self._generate(message, received)
            case Cancel():
                self._cancel(message, received)
            case Attach():
                self._attach(message, re="attach")
            case Detach(id=id):
                self._registry.get(id, re="detach")
                self._unwatch(id)
                self._session.forget(id)
            case StatusRequest(id=id):
                self._send(self._status(id))
            case Hello(attach=points):
                self._attach_each(points)

    async def _generate(self, body: Generate, received: float) -> None:
        generation, new = await self._registry.start(body, received)
        log = generation.log
        if new:
            self._send(Accepted(id=log.id, epoch=log.epoch, position=generation.position))
            self._watch(generation, after=0)
        else:
            self._attach(AttachPoint(id=log.id, epoch=log.epoch), re="generate")

    def _cancel(self, message: Cancel, received: float) -> None:
        for id in self._session.resolve_cancel(message):
            self._registry.cancel(id, received)

    def _attach_each(self, points: Iterable[AttachPoint]) -> None:
        for point in points:
            self._asked = True
            try:
                self._attach(point, re="hello")
            except RemoteProtocolError as error:
                self._send(error.as_message())

    def _attach(self, point: Attach | AttachPoint, *, re: str) -> None:
        """Follow a log from the client's cursor; one of another log gets all the text so far (PROTOCOL 6.8)."""
        generation = self._registry.get(point.id, re=re)
        log = generation.log
        after = resume_at(log, point)
        recovered = after is not None
        self._registry.tally.attaches[recovered] += 1
        self._send(Attached(id=log.id, epoch=log.epoch, recovered=recovered, from_=after or 0, to=log.seq))
        if after is None:
            after = log.pieces
            self._send(Snapshot(id=log.id, epoch=log.epoch, seq=after, text=log.text))
        self._watch(generation, after)

    def _status(self, id: str | None) -> Status:
        if id is None:
            stats = self._registry.engine_stats()
            return Status(
                running=stats.running,
                queued=stats.queued,
                tokens_per_second=round(self._registry.tally.speed.per_second(time.monotonic()), 1),
                kv_used=stats.kv_tokens,
                kv_tokens=stats.kv_cells,
            )
        generation = self._registry.get(id, re="status")
        if generation.log.done:
            return Status(id=id, state=generation.state)
        return generation.status

    def _watch(self, generation: Generation, after: int) -> None:
        if generation.id not in self._readers:
            self._registry.watch(generation, self._hear)
        self._readers[generation.id] = Reader(generation, after)

    def _unwatch(self, id: str) -> None:
        reader = self._readers.pop(id, None)
        if reader:
            self._registry.unwatch(reader.generation, self._hear)

    def _hear(self) -> None:
        """A log that is watched has news."""
        self._wake.set()
        if self._pace.sending and self._too_slow():
            self._late.set()

    # Sending

    def _send(self, message: ServerMessage) -> None:
        """Put a message into the outbox. Once a close is decided, only errors that say why still go out."""
        if self._leaving is None and (self._session.close_code is None or isinstance(message, Error)):
            self._outbox.extend(self._session.frames(message, time.monotonic()))
            self._wake.set()

    async def _send_all(self) -> None:
        while True:
            self._wake.clear()
            self._read_logs(SLICE_BYTES)
            for waiting in self._session.pending():
                await self._inbox.put((waiting, time.monotonic()))
            while self._outbox:
                await self._send_frame(self._outbox.popleft())
            if any(reader.more for reader in self._readers.values()):
                continue
            if not self._wake.is_set() and (code := self._close_due()):
                await self._socket.close(code)
                return
            await self._wake.wait()
            if self._pace.tick:
                await asyncio.sleep(self._pace.tick)

    async def _send_frame(self, frame: str) -> None:
        self._pace.begin(time.monotonic())
        await self._socket.send(frame)
        self._pace.end(time.monotonic())

    async def _keep_pace(self) -> None:
        """Give up on a client that reads too slowly."""
        while not self._too_slow():
            self._late.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.look_again(time.monotonic())):
                    await self._late.wait()
        raise _SlowReader

    def _too_slow(self) -> bool:
        return self._pace.too_slow(time.monotonic(), sum(reader.behind for reader in self._readers.values()))

    def _read_logs(self, room: int = sys.maxsize) -> None:
        """Send what the logs hold, of each as much as has ``room`` bytes."""
        for id, reader in tuple(self._readers.items()):
            for message in reader.read(room):
                self._send(message)
                if isinstance(message, Done):
                    self._unwatch(id)

    def _close_due(self) -> CloseCode | None:
        """The code to close with, once everything that was received has been answered."""
        if self._leaving is not None:
            return self._leaving
        if self._carrying_out or not self._inbox.empty():
            return None
        if self._session.close_code is not None:
            return self._session.close_code
        idle = self._close_when_idle and self._asked and not self._readers
        return CloseCode.NORMAL if idle else None


class _SlowReader(Exception):
    """The client does not read, or less than is written."""
