"""Endpoint ``/v1/responses`` as a WebSocket: requests in lanes, and the events of their responses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Final

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from protocol.errors import CloseCode, ErrorCode, RemoteProtocolError
from server.guard.connection_access import ConnectionAccess
from server.guard.guard import Guard
from server.guard.rates import TooManyError
from server.guard.refusing import rate_error
from server.openai.errors import error_reply
from server.openai.socket_frames import Create, SteerFrame, error_frame, in_lane, read_frame
from server.transports.admitted_messages import RETRY_SECONDS
from server.transports.connection import CLOSE_SECONDS
from server.transports.connections import Connections, Transport
from server.transports.openai_endpoint import error_response
from server.transports.openai_lanes import MAX_RUNNING, Lanes
from server.transports.openai_socket_responses import SocketResponses
from server.transports.pace import BEHIND_SECONDS
from server.transports.socket import Disconnected
from server.transports.waiting import in_time
from server.transports.websocket import WebSocketSocket

REVOKED: Final = 1008
"""Close code for a revoked token. The SDKs don't reconnect after it."""

TRY_LATER: Final = 1013
"""Close code for a client that reads more slowly than the answers are written."""

logger = logging.getLogger(__name__)

_encode: Final = msgspec.json.Encoder().encode


class _EndedError(Exception):
    """The socket ends, with this close code; None if the client has closed it."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


async def responses_socket(websocket: WebSocket) -> None:
    """Serve one socket until it closes; 429 for a client that has too many."""
    guard: Guard = websocket.app.state.guard
    access = guard.open_access(websocket.scope)
    try:
        access.enter()
    except TooManyError:
        error = rate_error(RETRY_SECONDS, f"you have {access.limits.sockets} connections already; close one")
        await websocket.send_denial_response(error_response(error_reply(error)))
        return
    try:
        await websocket.accept()
        connections: Connections = websocket.app.state.connections
        with connections.counted(Transport.RESPONSES):
            await _ResponsesSocket(websocket, access).run()
    finally:
        access.leave()


class _ResponsesSocket:
    """Owns one socket and its tasks: one that receives, one for each busy lane, two that wait for its end."""

    def __init__(self, websocket: WebSocket, access: ConnectionAccess) -> None:
        self._websocket = websocket
        self._access = access
        self._sending = asyncio.Lock()
        self._ended = False
        """True once the client can't take events any more."""
        self._responses = SocketResponses(websocket, self._send)

    async def run(self) -> None:
        """Serve the socket to its end."""
        guard: Guard = self._websocket.app.state.guard
        connections: Connections = self._websocket.app.state.connections
        revoked, shown, code = asyncio.Event(), self._access.shown, None
        most = self._websocket.app.state.registry.places.active_limit
        try:
            with guard.waiting(shown, revoked.set) if shown else contextlib.nullcontext():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_end(revoked, REVOKED), name="revoked")
                    tasks.create_task(_end(connections.leaving, CloseCode.RESTART), name="leaving")
                    await self._receive(Lanes(tasks, self._carry_out, min(MAX_RUNNING, most)))
        except* _EndedError as ended:
            code = _first(ended).code
        if code is not None:
            # The client may have closed it meanwhile, or read nothing.
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                await in_time(self._websocket.close(code), CLOSE_SECONDS)

    async def _receive(self, lanes: Lanes) -> None:
        socket = WebSocketSocket(self._websocket)
        while True:
            try:
                frame = await socket.receive()
            except Disconnected:
                raise _EndedError(None) from None
            try:
                await self._handle(frame, lanes)
            except RemoteProtocolError as error:
                await self._send(error_frame(error_reply(error)), None)

    async def _handle(self, frame: str | bytes, lanes: Lanes) -> None:
        """Carry out a frame, or let it wait in its lane. Raises RemoteProtocolError."""
        if wait := self._access.charge(1):
            raise rate_error(wait, f"more than {self._access.limits.messages} messages in a second; slow down")
        match read_frame(frame):
            case Create() as create:
                try:
                    lanes.put(create)
                except RemoteProtocolError as error:
                    await self._send(error_frame(error_reply(error)), create.lane)
            case SteerFrame() as steer:
                await self._responses.steer(steer)

    async def _carry_out(self, create: Create) -> None:
        try:
            await self._responses.create(create)
        except _EndedError:
            raise
        except Exception as error:
            logger.exception("a response over a WebSocket failed: %s", error)
            failed = RemoteProtocolError(ErrorCode.INTERNAL, "a fault in the server")
            await self._send(error_frame(error_reply(failed)), create.lane)

    async def _send(self, event: dict[str, Any], lane: str | None) -> None:
        """Send an event. Raises _EndedError if the client can't take it."""
        text = _encode(in_lane(event, lane)).decode()
        async with self._sending:
            if self._ended:
                raise _EndedError(None)
            try:
                async with asyncio.timeout(BEHIND_SECONDS):
                    await self._websocket.send_text(text)
            except (TimeoutError, WebSocketDisconnect) as error:
                self._ended = True
                raise _EndedError(TRY_LATER if isinstance(error, TimeoutError) else None) from None


async def _end(over: asyncio.Event, code: int) -> None:
    await over.wait()
    raise _EndedError(code)


def _first(group: BaseExceptionGroup[_EndedError]) -> _EndedError:
    """Return the first error of a group."""
    error = group.exceptions[0]
    return error if isinstance(error, _EndedError) else _first(error)
