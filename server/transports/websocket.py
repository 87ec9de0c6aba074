"""Endpoint ``/ws``: a connection over a WebSocket.

The query ``plain=1`` asks for plain mode, ``close_when_idle=1`` for a close with 1000 once everything is answered.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from protocol import codec
from protocol.errors import CloseCode
from protocol.messages import PROTOCOL, ServerMessage
from protocol.plain import PlainSession
from server.guard.guard import Guard
from server.guard.refusing import unauthorized
from server.transports.connection import Connection, session_of
from server.transports.connections import Connections, Transport
from server.transports.socket import Disconnected


async def websocket_endpoint(websocket: WebSocket) -> None:
    """Serve one socket until it closes; 400 for a client that offers only other subprotocols (PROTOCOL 2)."""
    guard: Guard = websocket.app.state.guard
    access = guard.open_access(websocket.scope)
    plain = _asked(websocket, "plain")
    if plain and not access.admitted:  # it has no `hello` (PROTOCOL 10.6)
        await websocket.send_denial_response(unauthorized())
        return
    offered = websocket.scope["subprotocols"]
    if offered and PROTOCOL not in offered:
        text = f"this server supports none of the offered subprotocols: offer {PROTOCOL}, or none\n"
        await websocket.send_denial_response(PlainTextResponse(text, status_code=400))
        return
    await websocket.accept(PROTOCOL if offered else None)
    session = PlainSession() if plain else session_of(access)
    connection = Connection(
        PlainSocket(websocket, session) if isinstance(session, PlainSession) else WebSocketSocket(websocket),
        websocket.app.state.registry,
        session,
        access,
        websocket.app.state.conversations,
        close_when_idle=_asked(websocket, "close_when_idle"),
    )
    connections: Connections = websocket.app.state.connections
    await connections.serve(connection, Transport.WEBSOCKET)


class WebSocketSocket:
    """A WebSocket behind the socket port."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> str | bytes:
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise Disconnected
        text: str | None = event.get("text")
        frame: str | bytes = event["bytes"] if text is None else text
        return frame

    async def send(self, message: ServerMessage) -> None:
        await self._send_text(codec.encode(message))

    async def close(self, code: CloseCode) -> None:
        try:
            await self._websocket.close(code)
        except WebSocketDisconnect:
            raise Disconnected from None

    async def _send_text(self, frame: str) -> None:
        try:
            await self._websocket.send_text(frame)
        except WebSocketDisconnect:
            raise Disconnected from None


class PlainSocket(WebSocketSocket):
    """A WebSocket in plain mode: raw text goes down (PROTOCOL 10)."""

    def __init__(self, websocket: WebSocket, session: PlainSession) -> None:
        super().__init__(websocket)
        self._session = session

    async def send(self, message: ServerMessage) -> None:
        for text in self._session.texts(message):
            await self._send_text(text)


def _asked(websocket: WebSocket, option: str) -> bool:
    return websocket.query_params.get(option) == "1"
