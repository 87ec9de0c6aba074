"""Server-sent events: the downward half of a channel as one endless response, ``GET /channel`` (PROTOCOL 13.3)."""

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
from server.transports.waiting import cancel_if, wait_for_disconnect

COMMENT_SECONDS: Final = 15.0
"""Interval of comments, which keep proxies from closing an idle stream, in seconds."""

HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back until its buffer is full
)


class EventStream:
    """A response of events. Owned by its request's task."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.started = False
        self._receive = receive
        self._send = send

    async def start(self) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})

    async def write(self, text: str) -> None:
        """Send text, and start the response if needed. Returns once the socket has room again."""
        if not self.started:
            await self.start()
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def end(self) -> None:
        if not self.started:
            await self.start()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def keep_alive(self) -> None:
        """Write a comment every COMMENT_SECONDS, and return when the client has disconnected."""
        while True:
            try:
                async with asyncio.timeout(COMMENT_SECONDS):
                    return await wait_for_disconnect(self._receive)
            except TimeoutError:
                await self.write(":\n\n")


def event(message: ServerMessage) -> str:
    """Return the event of a message: named after its `type`, with its frame as data (PROTOCOL 2.9)."""
    return f"event: {message.__struct_config__.tag}\ndata: {codec.encode(message)}\n\n"


def close_reason(code: CloseCode) -> str:
    """Return what an HTTP client gets in place of a close frame."""
    return msgspec.json.encode({"code": int(code), "reason": ""}).decode()


class EventSocket(ChannelSocket):
    """Socket of a channel that sends messages as events."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__()
        self._stream = stream

    async def send(self, message: ServerMessage) -> None:
        await self._stream.write(event(message))

    async def close(self, code: CloseCode) -> None:
        await self._stream.write(f"event: close\ndata: {close_reason(code)}\n\n")
        self.drop()


async def stream_channel(request: Request) -> ASGIApp:
    """``GET /channel``: open a channel that lasts as long as its response."""
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
            await cancel_if(stream.keep_alive(), work=connections.serve(connection, Transport.SSE))
        await stream.end()

    return respond
