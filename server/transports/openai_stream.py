"""Stream of chunks as server-sent events: ``data:`` lines without names, and ``[DONE]`` at the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from protocol.errors import ErrorCode, RemoteProtocolError
from server.guard.connection_access import pass_of
from server.guard.guard import Guard
from server.openai.errors import ErrorReply, error_reply
from server.stall_limit import StallLimit
from server.transports.connections import RECONNECT_MS, Connections
from server.transports.openai_endpoint import error_response
from server.transports.pace import BEHIND_SECONDS
from server.transports.socket import Disconnected
from server.transports.sse import EventStream
from server.transports.waiting import cancel_if

END: Final = "data: [DONE]\n\n"

_encode: Final = msgspec.json.Encoder().encode

Emit = Callable[[Iterable[dict[str, Any]]], Awaitable[None]]
"""Function that sends chunks."""

Answering = Callable[[Emit], Awaitable[ErrorReply | None]]
"""Function that answers a request and emits its chunks as they come. Returns the error that ended the answer early."""


class Wire(NamedTuple):
    """Form of the events. ``named``: each has its type as its name, and no ``[DONE]`` follows. ``failure`` makes the
    last event of a stream that ends early; None: there is none."""

    named: bool
    failure: Callable[[ErrorReply], dict[str, Any] | None]

    def event(self, content: dict[str, Any]) -> str:
        """Return an event as text."""
        name = f"event: {content['type']}\n" if self.named else ""
        return f"{name}data: {_encode(content).decode()}\n\n"


CHUNKS: Final = Wire(named=False, failure=lambda reply: reply.body)
"""Form of the chunks of chat completions and completions."""


def stream_chunks(request: Request, answering: Answering, wire: Wire = CHUNKS) -> ASGIApp:
    """Return the response that streams an answer. An error before the first chunk is an HTTP error."""

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        stream = EventStream(receive, send)
        refused = await _carry_out(request, stream, answering, wire)
        if refused and not stream.started:
            await error_response(refused)(scope, receive, send)
            return
        if refused and (last := wire.failure(refused)):
            await stream.write(wire.event(last))
        await stream.end()

    return respond


async def _carry_out(request: Request, stream: EventStream, answering: Answering, wire: Wire) -> ErrorReply | None:
    """Stream the answer. Returns the error that ended them early; None also when the client has disconnected."""
    guard: Guard = request.app.state.guard
    connections: Connections = request.app.state.connections
    revoked, shown = asyncio.Event(), pass_of(request.scope)
    try:
        with guard.waiting(shown, revoked.set) if shown else contextlib.nullcontext():
            work = _write(stream, answering, wire)
            return await cancel_if(stream.keep_alive(), revoked.wait(), connections.leaving.wait(), work=work)
    except RemoteProtocolError as error:
        return error_reply(error)
    except TimeoutError:
        text = "the client reads more slowly than the answer is written"
        return error_reply(RemoteProtocolError(ErrorCode.RATE_LIMITED, text))
    except Disconnected:
        return _over(revoked, connections)


def _over(revoked: asyncio.Event, connections: Connections) -> ErrorReply | None:
    if revoked.is_set():
        return error_reply(RemoteProtocolError(ErrorCode.UNAUTHORIZED, "the token was revoked"))
    if connections.leaving.is_set():
        text = "the server is going down; ask again when it is back"
        return error_reply(RemoteProtocolError(ErrorCode.BUSY, text, retry_after_ms=RECONNECT_MS))
    return None


async def _write(stream: EventStream, answering: Answering, wire: Wire) -> ErrorReply | None:
    """Write the answer. Raises TimeoutError when the client takes nothing for too long."""
    async with StallLimit(BEHIND_SECONDS) as limit:

        async def emit(chunks: Iterable[dict[str, Any]]) -> None:
            if text := "".join(map(wire.event, chunks)):
                with limit:
                    await stream.write(text)

        if refused := await answering(emit):
            return refused
        if not wire.named:
            with limit:
                await stream.write(END)
        return None
