"""One generation as server-sent events: ``/generate/stream`` and ``/generations/{id}/events`` (PROTOCOL 13.5, 13.6).

Each is a connection of the protocol whose client sends one message. So its events, its rules for slow readers and its
end when the server stops are those of a WebSocket.
"""

from __future__ import annotations

import contextlib
import random
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from protocol import codec
from protocol.errors import CloseCode, ErrorCode
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Done,
    Error,
    Generate,
    ServerMessage,
    Snapshot,
    Steered,
    Token,
    Tuned,
    Welcome,
)
from server.generations.registry import Registry
from server.guard.guard import Guard
from server.guard.principal import principal_of
from server.transports.channel import ChannelSocket
from server.transports.connection import Connection, session_of
from server.transports.connections import RECONNECT_MS, Connections, Transport
from server.transports.cursors import attach_point
from server.transports.requests import NO_STORE, error_response, read_body, status_of
from server.transports.socket import Disconnected
from server.transports.sse import EventStream, event
from server.transports.waiting import cancel_if

LEAST_RETRY_MS: Final = 100


class AnswerSocket(ChannelSocket):
    """Sends the messages of one request as events with ids; an error before the first of them as an HTTP response."""

    def __init__(self, stream: EventStream, *, retry: bool) -> None:
        super().__init__()
        self.refused: Response | None = None
        self._stream = stream
        self._retry = retry
        self._epoch = ""

    async def send(self, message: ServerMessage) -> None:
        if isinstance(message, Welcome):
            return
        if isinstance(message, Error) and not self._stream.started:
            status = status_of(ErrorCode(message.code))
            self.refused = error_response(codec.encode(message), status, message.retry_after_ms)
            return
        await self._stream.write(self._beginning() + self._id(message) + event(message))

    async def close(self, code: CloseCode) -> None:
        self.drop()

    def _beginning(self) -> str:
        """Return the reconnect delay for EventSource, random so that clients don't come back at the same time."""
        is_sent = self._stream.started or not self._retry
        return "" if is_sent else f"retry: {random.randint(LEAST_RETRY_MS, RECONNECT_MS)}\n\n"

    def _id(self, message: ServerMessage) -> str:
        match message:
            case Accepted(epoch=epoch):
                self._epoch, seq = epoch, 0
            case Attached(epoch=epoch, from_=seq):
                self._epoch = epoch
            case Snapshot(seq=seq) | Token(seq=seq) | Steered(seq=seq) | Tuned(seq=seq) | Done(seq=seq):
                pass
            case _:
                return ""
        return f"id: {self._epoch}:{seq}\n"


async def stream_generate(request: Request) -> ASGIApp:
    """``POST /generate/stream``: start a generation and stream its events."""
    body = ends_unwatched(codec.decode_generate(await read_body(request)))
    return _follow(request, codec.encode(body), retry=False)


async def stream_events(request: Request) -> ASGIApp:
    """``GET /generations/{id}/events``: stream the events after a cursor; 204, which ends EventSource, after all."""
    registry: Registry = request.app.state.registry
    point = attach_point(request)
    log = registry.get(point.id, re="attach", principal=principal_of(request.scope)).log
    if log.done and point.epoch in (None, log.epoch) and point.after == log.seq:
        return Response(status_code=204, headers=NO_STORE)
    attach = Attach(id=point.id, epoch=point.epoch, after=point.after)
    return _follow(request, codec.encode(attach), retry=True)


def ends_unwatched(body: Generate) -> Generate:
    """Return ``body`` with the default of endpoints that wait for the answer: it is cancelled if the client leaves.

    In a conversation the answer is written all the same.
    """
    return replace(body, on_detach_ms=0) if body.on_detach_ms is UNSET and body.conversation is None else body


def _follow(request: Request, frame: str, *, retry: bool) -> ASGIApp:
    registry: Registry = request.app.state.registry
    connections: Connections = request.app.state.connections
    guard: Guard = request.app.state.guard

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        stream = EventStream(receive, send)
        socket = AnswerSocket(stream, retry=retry)
        await socket.post(frame)
        access = guard.open_access(request.scope)
        connection = Connection(
            socket, registry, session_of(access), access, request.app.state.conversations, close_when_idle=True
        )
        with contextlib.suppress(Disconnected):
            await cancel_if(stream.keep_alive(), work=connections.serve(connection, Transport.EVENTS))
        if socket.refused:
            await socket.refused(scope, receive, send)
        else:
            await stream.end()

    return respond
