"""Server-sent events: the way down of a channel as one response that does not end, ``GET /channel`` (PROTOCOL 13.3)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from protocol import codec
from protocol.errors import CloseCode
from protocol.messages import ServerMessage
from server.guard.guard import Guard
from server.transports.channel import Channels, ChannelSocket
from server.transports.connection import Connection, session_of
from server.transports.connections import Connections, Transport
from server.transports.socket import Disconnected
from server.transports.waiting import gone, unless

COMMENT_SECONDS: Final = 15.0
"""So that no proxy takes a stream on which nothing happens for a dead one."""

HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the events back until it has a buffer full of them
)


class EventStream:
    """One response of events. Owned by its request's task."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.started = False
        self._receive = receive
        self._send = send

    async def start(self) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})

    async def write(self, text: str) -> None:
        """Returns when the client has taken so much that the socket has room again. The first one starts it."""
        if not self.started:
            await self.start()
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def end(self) -> None:
        if not self.started:
            await self.start()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def keep_alive(self) -> None:
        """Write a comment every COMMENT_SECONDS, and return when the client has gone."""
        while True:
            try:
                async with asyncio.timeout(COMMENT_SECONDS):
                    return await gone(self._receive)
            except TimeoutError:
                await self.write(":\n\n")


def event(message: ServerMessage) -> str:
    """Return the event of a message: named after its `type`, with its frame as data (PROTOCOL 2.9)."""
    return f"event: {message.__struct_config__.tag}\ndata: {codec.encode(message)}\n\n"


def close_reason(code: CloseCode) -> str:
    """What an HTTP client is told in place of a close frame."""
    return msgspec.json.encode({"code": int(code), "reason": ""}).decode()


class EventSocket(ChannelSocket):
    """The way down as events."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__()
        self._stream = stream

    async def send(self, message: ServerMessage) -> None:
        await self._stream.write(event(message))

    async def close(self, code: CloseCode) -> None:
        await self._stream.write(f"event: close\ndata: {close_reason(code)}\n\n")
        self.drop()


async def stream_channel(request: Request) -> ASGIApp:
    """``GET /channel``: a channel that lives as long as its response."""
    state = request.app.state
    channels: Channels = state.channels
    connections: Connections = state.connections
    guard: Guard = state.guard
    idle = request.query_params.get("close_when_idle") == "1"

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        stream = EventStream(receive, send)
        socket = EventSocket(stream)
        access = guard.open_access(request.scope)
        connection = Connection(
            socket, state.registry, session_of(access), access, state.conversations, close_when_idle=idle
        )
        with channels.named(connection.name, access.opener, socket), contextlib.suppress(Disconnected):
            await unless(stream.keep_alive(), connections.serve(connection, Transport.SSE))
        await stream.end()

    return respond
