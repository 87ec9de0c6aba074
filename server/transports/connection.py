"""One connection, over any transport, and the generations that it watches.

Four tasks run while the socket is open: one receives, one carries out what was received in order, one sends, and one
watches whether the client keeps up. No token is queued for a reader: the sender reads the logs from its cursors
whenever the socket can take more.
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

from protocol.admission import HELLO_SECONDS
from protocol.errors import CloseCode, RemoteProtocolError
from protocol.messages import (
    Accepted,
    AlternativesRequest,
    Attach,
    Attached,
    AttachPoint,
    Cancel,
    ClientMessage,
    Detach,
    Draft,
    Error,
    Generate,
    Goodbye,
    Hello,
    Ping,
    Pong,
    ServerMessage,
    Status,
    StatusRequest,
    Steer,
    Steered,
    Tune,
    Tuned,
    Watch,
)
from protocol.session import ServerSession
from server.conversations.service import Conversations
from server.generations.log import SLICE_BYTES
from server.generations.registry import Registry
from server.guard.connection_access import ConnectionAccess
from server.guard.rates import TooManyError
from server.logs import event
from server.transports.admitted_messages import AdmittedMessages, RefusedError, too_many_connections
from server.transports.answer import shown_model
from server.transports.changes import Changes
from server.transports.drafting import Drafting
from server.transports.greeting import welcome
from server.transports.looking import Looking
from server.transports.pace import Pace
from server.transports.reader import resume_at
from server.transports.server_status import server_status
from server.transports.socket import Disconnected, Socket
from server.transports.waiting import in_time
from server.transports.watched_logs import WatchedLogs

logger = logging.getLogger(__name__)

INBOX_LIMIT: Final = 64
"""Received messages that wait to be carried out; at the limit the socket is not read."""

OUTBOX_LIMIT: Final = 1024
"""Messages that wait for a client that does not read, and questions about alternatives that wait for an answer; above
the limit the socket is closed with 4508."""

CLOSE_SECONDS: Final = 10.0
"""Time for a client that does not read to receive the close frame."""


def session_of(access: ConnectionAccess) -> ServerSession:
    """Return the session of a connection that opens now."""
    return ServerSession(auth=not access.admitted, opened=time.monotonic())


class Connection:
    """Owns the session, the outbox and the readers of one socket.

    ``name`` is sent in `welcome`. Over HTTP it is the only secret that frames need, so it can't be guessed.
    """

    def __init__(
        self,
        socket: Socket,
        registry: Registry,
        session: ServerSession,
        access: ConnectionAccess,
        conversations: Conversations,
        *,
        close_when_idle: bool = False,
    ) -> None:
        self.name = secrets.token_hex(16)
        self.access = access
        self._socket = socket
        self._registry = registry
        self._session = session
        self._admitted = AdmittedMessages(session, access)
        self._conversations = conversations
        self._drafting = Drafting(conversations.drafts, self.name, self._refuse)
        self._looking = Looking(registry, self._send, self._refuse)
        self._close_when_idle = close_when_idle
        self.closed = asyncio.Event()
        self._leaving: CloseCode | None = None
        self._dismissed = False
        self._asked = False
        self._carrying_out = False
        self._inbox: asyncio.Queue[tuple[ClientMessage | RemoteProtocolError, float]] = asyncio.Queue(INBOX_LIMIT)
        self._outbox: deque[ServerMessage] = deque()
        self._logs = WatchedLogs(self._on_news)
        self._wake = asyncio.Event()
        self._changes = Changes(registry, conversations, self._wake.set)
        self._pace = Pace()
        self._late = asyncio.Event()

    @property
    def principal(self) -> str:
        """The user of this connection; ANONYMOUS before a valid `hello`, if one is needed."""
        return self.access.principal

    async def run(self) -> None:
        """Serve the accepted socket until it closes. Leaves no task and no watcher behind."""
        self._changes.greeted(self.access)
        self._send(welcome(self._registry, self.name, self.access))
        try:
            self.access.enter()
        except TooManyError:
            self._refuse_client(too_many_connections(self.access))
        timer = asyncio.get_running_loop().call_later(HELLO_SECONDS, self._expect_hello)
        try:
            if await self._work():
                await self._close_slow()
        finally:
            timer.cancel()
            self._drafting.forget()
            self._logs.unwatch_all()
            self._changes.unwatch(self.principal)
            self.access.leave()
            self.closed.set()

    async def _work(self) -> bool:
        """Receive, carry out and send until the socket closes. Returns whether the client reads too slowly."""
        is_slow = False
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive_all(), name="receive")
                tasks.create_task(self._carry_out_all(), name="carry out")
                tasks.create_task(self._send_all(), name="send")
                tasks.create_task(self._keep_pace(), name="keep pace")
                tasks.create_task(self._drafting.run(), name="read drafts")
                tasks.create_task(self._looking.run(), name="look up alternatives")
        except* Disconnected:
            pass
        except* _SlowReader:
            is_slow = True
        return is_slow

    def say_goodbye(self, code: CloseCode, reconnect_ms: int) -> None:
        """Send what the logs hold, then `goodbye`, then close with ``code`` (PROTOCOL 3.3)."""
        self._read_logs()
        self._send(Goodbye(code=code, reconnect_ms=reconnect_ms))
        self._leaving = code

    def dismiss(self, code: CloseCode) -> None:
        """Close with ``code``, without carrying out or sending anything more."""
        self._dismissed = True
        self._logs.unwatch_all()
        self._outbox.clear()
        self._leaving = code
        self._wake.set()

    def _refuse_client(self, refused: RefusedError) -> None:
        """Send the error, if there is one, and close without carrying out anything more."""
        if refused.error is None:
            self.dismiss(refused.code)
        else:
            self._send(refused.error.as_message())
            self._dismissed, self._leaving = True, refused.code

    def _expect_hello(self) -> None:
        """Close if no `hello` came in time (PROTOCOL 3.6)."""
        if (deadline := self._session.deadline) is not None:
            self._session.due(deadline)
            self._wake.set()

    async def _close_slow(self) -> None:
        """Send the close frame to a client that doesn't read, if it can still receive it."""
        self._registry.measurements.slow_closes += 1
        with contextlib.suppress(TimeoutError, Disconnected):
            await in_time(self._socket.close(CloseCode.SLOW_READER), CLOSE_SECONDS)

    # Receiving

    async def _receive_all(self) -> None:
        while True:
            frame = await self._socket.receive()
            await self._take(frame, time.monotonic())

    async def _take(self, frame: str | bytes, now: float) -> None:
        if not self._dismissed:
            try:
                await self._put(self._admitted.of(frame), now)
            except RefusedError as refused:
                self._refuse_client(refused)
        self._wake.set()
        await asyncio.sleep(0)  # let the sender run: only what the socket does not take counts
        if len(self._outbox) > OUTBOX_LIMIT:
            raise _SlowReader

    async def _put(self, messages: Iterable[ClientMessage | RemoteProtocolError], now: float) -> None:
        for message in messages:
            if isinstance(message, Ping):  # answered before anything in the inbox (PROTOCOL 4.7)
                self._send(Pong(nonce=message.nonce))
            else:
                await self._inbox.put((message, now))

    # Carrying out

    async def _carry_out_all(self) -> None:
        while True:
            message, received = await self._inbox.get()
            if self._dismissed:
                continue
            self._carrying_out = True
            try:
                await self._carry_out(message, received)
            except RemoteProtocolError as error:
                self._refuse(error)
            self._carrying_out = False
            self._wake.set()

    def _refuse(self, error: RemoteProtocolError) -> None:
        self._asked = True  # a refusal is an answer too (PROTOCOL 3.5)
        event(logger, logging.DEBUG, "refused", code=error.code)
        self._send(error.as_message())

    async def _carry_out(self, message: ClientMessage | RemoteProtocolError, received: float) -> None:
        self._asked = self._asked or isinstance(message, Generate | Attach | AlternativesRequest)
        match message:
            case RemoteProtocolError(re="alternatives") | AlternativesRequest():
                self._looking.put(self.principal, message)
                if self._looking.waiting > OUTBOX_LIMIT:
                    raise _SlowReader
            case RemoteProtocolError():
                raise message
            case Generate():
                await self._generate(message, received)
            case Cancel():
                self._cancel(message, received)
            case Steer(id=id, content=content, key=key):
                steered = await self._registry.steer(id, content, key, principal=self.principal)
                steered.add_done_callback(self._on_late_answer)
            case Tune():
                tuned = await self._registry.tune(message, principal=self.principal)
                tuned.add_done_callback(self._on_late_answer)
            case Attach(id=id):
                await self._registry.accepted(id, self.principal)
                self._attach(message, re="attach")
            case Detach(id=id):
                self._registry.get(id, re="detach", principal=self.principal)
                self._logs.unwatch(id)
                self._session.forget(id)
            case StatusRequest(id=id):
                self._send(self._status(id))
            case Watch():
                self._changes.watch(self.principal)
            case Draft():
                self._drafting.put(self.principal, message)
            case Hello(attach=points):
                self._attach_each(points)

    async def _generate(self, body: Generate, received: float) -> None:
        generation, new, message = await self._conversations.start(self.principal, body, received)
        self._drafting.forget()  # what the user was writing has been sent
        log = generation.log
        if new:
            self._send(
                Accepted(
                    id=log.id,
                    epoch=log.epoch,
                    position=generation.position,
                    conversation=body.conversation,
                    message=message,
                    dropped=generation.dropped or None,
                    model=shown_model(generation, self._registry),
                )
            )
            self._logs.watch(generation, after=0)
        else:
            self._attach(AttachPoint(id=log.id, epoch=log.epoch), re="generate")

    def _cancel(self, message: Cancel, received: float) -> None:
        """Cancel each generation that ``message`` means; one that has just ended doesn't keep the others running."""
        ids = self._session.resolve_cancel(message)
        ended: list[RemoteProtocolError] = []
        for id in ids:
            try:
                self._registry.cancel(id, received, principal=self.principal)
            except RemoteProtocolError as error:
                ended.append(error)
        if len(ended) == len(ids):
            raise ended[-1]

    def _on_late_answer(self, answer: asyncio.Future[Steered] | asyncio.Future[Tuned]) -> None:
        """Send the error if an instruction was not read, or a change not made. Otherwise its event is in the log."""
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, RemoteProtocolError) and not self.closed.is_set():
            self._send(error.as_message())

    def _attach_each(self, points: Iterable[AttachPoint]) -> None:
        for point in points:
            self._asked = True
            try:
                self._attach(point, re="hello")
            except RemoteProtocolError as error:
                self._send(error.as_message())

    def _attach(self, point: Attach | AttachPoint, *, re: str) -> None:
        """Watch a log from the client's cursor; send all text so far if the cursor is of another log (PROTOCOL 6.8)."""
        generation = self._registry.get(point.id, re=re, principal=self.principal)
        log = generation.log
        after = resume_at(log, point)
        recovered = after is not None
        self._registry.measurements.attaches[recovered] += 1
        self._send(Attached(id=log.id, epoch=log.epoch, recovered=recovered, from_=after or 0, to=log.seq))
        if after is None:
            after = log.pieces
            self._send(log.snapshot())
        self._logs.watch(generation, after)

    def _status(self, id: str | None) -> Status:
        if id is None:
            return server_status(self._registry)
        generation = self._registry.get(id, re="status", principal=self.principal)
        if generation.log.done:
            return Status(id=id, state=generation.state)
        return generation.status

    def _on_news(self) -> None:
        """Wake the sender, since a watched log has new events."""
        self._wake.set()
        if self._pace.sending and self._too_slow():
            self._late.set()

    # Sending

    def _send(self, message: ServerMessage) -> None:
        """Put a message into the outbox and wake the sender."""
        self._put_out(message)
        self._wake.set()

    def _put_out(self, message: ServerMessage) -> None:
        """Put a message into the outbox. After the decision to close, only errors that explain it are sent."""
        if self._leaving is None and (self._session.close_code is None or isinstance(message, Error)):
            self._session.record(message)
            self._outbox.append(message)

    async def _send_all(self) -> None:
        while True:
            self._wake.clear()
            for change in self._changes.unsent():
                self._put_out(change)
            self._read_logs(SLICE_BYTES)
            while self._outbox:
                await self._send_message(self._outbox.popleft())
            for waiting in self._session.pending():
                await self._inbox.put((waiting, time.monotonic()))
            if self._logs.more:
                continue
            if not self._wake.is_set() and (code := self._close_due()):
                await self._socket.close(code)
                return
            await self._wake.wait()
            if self._pace.tick:
                await asyncio.sleep(self._pace.tick)

    async def _send_message(self, message: ServerMessage) -> None:
        self._pace.begin(time.monotonic())
        await self._socket.send(message)
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
        return self._pace.too_slow(time.monotonic(), self._logs.behind)

    def _read_logs(self, room: int = sys.maxsize) -> None:
        """Put new events of every log into the outbox, up to ``room`` bytes of each."""
        for message in self._logs.read(room):
            self._put_out(message)

    def _close_due(self) -> CloseCode | None:
        """Return the code to close with once everything received is answered; None: stay open."""
        if self._leaving is not None:
            return self._leaving
        if self._carrying_out or not self._inbox.empty() or not self._looking.idle:
            return None
        if self._session.close_code is not None:
            return self._session.close_code
        idle = self._close_when_idle and self._asked and not self._logs
        return CloseCode.NORMAL if idle else None


class _SlowReader(Exception):
    """The client reads nothing, or less than is written, or asks more than can be answered."""
