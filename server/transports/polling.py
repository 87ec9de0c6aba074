"""Long poll: the downward half of a channel as a series of short responses (PROTOCOL 13.4)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from protocol import codec
from protocol.errors import CloseCode, ErrorCode
from protocol.messages import ServerMessage
from server.guard.guard import Guard
from server.transports.channel import Channels, ChannelSocket, no_such_channel
from server.transports.connection import Connection, session_of
from server.transports.connections import Connections, Transport
from server.transports.requests import JSON, NO_STORE, RequestRefused, read_body, seconds
from server.transports.socket import Disconnected
from server.transports.sse import close_reason
from server.transports.waiting import cancel_if, wait_for_disconnect

WAIT_SECONDS: Final = 25.0
MOST_WAIT_SECONDS: Final = 60.0

UNPOLLED_SECONDS: Final = 60.0
"""Time without a poll after which a channel is closed."""

BUFFER_CHARACTERS: Final = 65_536
"""Characters that wait for the next poll; above the limit the sender waits, as for a full socket."""

LINES: Final = "application/x-ndjson"


class PolledSocket(ChannelSocket):
    """Socket of a polled channel: it keeps frames for the next poll."""

    def __init__(self) -> None:
        super().__init__()
        self._frames: list[str] = []
        self._characters = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._polled = False
        self._timer: asyncio.TimerHandle | None = None
        self.close_code: CloseCode | None = None
        self._expect_poll()

    async def send(self, message: ServerMessage) -> None:
        while self._characters > BUFFER_CHARACTERS:
            self._room.clear()
            await self._room.wait()
        frame = codec.encode(message)
        self._frames.append(frame)
        self._characters += len(frame)
        self._news.set()

    async def close(self, code: CloseCode) -> None:
        """Close the channel. Returns once the client knows."""
        self.close_code = code
        self._news.set()
        await self._over.wait()

    def drop(self) -> None:
        super().drop()
        self._expect_no_poll()

    async def poll(self, wait: float) -> list[str]:
        """Return new frames, after at most ``wait`` seconds. Empty: none came in time, or there is a ``close_code``.

        Raises RequestRefused when another poll waits, Disconnected when the channel ends.
        """
        with self._polling():
            if not self._news.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await cancel_if(self._over.wait(), work=self._news.wait())
            return self._take()

    async def first(self, wait: float) -> str:
        """Return the first frame alone. A refused connection has more frames at once; the first poll returns those."""
        first, *rest = await self.poll(wait)
        if rest:
            self._frames[:0] = rest
            self._characters += sum(map(len, rest))
            self._news.set()
        return first

    def _take(self) -> list[str]:
        frames, self._frames, self._characters = self._frames, [], 0
        self._room.set()
        if self.close_code is None:
            self._news.clear()
        elif not frames:
            self.drop()
        return frames

    @contextlib.contextmanager
    def _polling(self) -> Iterator[None]:
        if self._polled:
            text = "another poll of this channel is waiting; a channel has one reader"
            raise RequestRefused(409, ErrorCode.UNEXPECTED_MESSAGE, text)
        self._polled = True
        self._expect_no_poll()
        try:
            yield
        finally:
            self._polled = False
            if not self._over.is_set():
                self._expect_poll()

    def _expect_poll(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(UNPOLLED_SECONDS, self.drop)

    def _expect_no_poll(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


async def open_channel(request: Request) -> Response:
    """``POST /channel``: open a channel; 201 with `welcome`. The body is the first frame, or empty."""
    state = request.app.state
    channels: Channels = state.channels
    connections: Connections = state.connections
    guard: Guard = state.guard
    frame = await read_body(request)
    socket = PolledSocket()
    idle = request.query_params.get("close_when_idle") == "1"
    access = guard.open_access(request.scope)
    connection = Connection(
        socket, state.registry, session_of(access), access, state.conversations, close_when_idle=idle
    )
    channels.start(connection.name, access.opener, socket, connections.serve(connection, Transport.POLLING))
    welcome = await socket.first(WAIT_SECONDS)
    if frame.strip():
        await socket.post(frame)
    return Response(welcome + "\n", 201, NO_STORE, media_type=JSON)


async def poll_channel(request: Request) -> Response:
    """``GET /channel/{connection}/poll?wait=25``: 200 with a message a line, 204 with none, 410 after the close."""
    wait = seconds(request, "wait", default=WAIT_SECONDS, most=MOST_WAIT_SECONDS)
    channels: Channels = request.app.state.channels
    socket = channels.get(request)
    if not isinstance(socket, PolledSocket):
        text = "this channel is read by its stream of events and can't be polled"
        raise RequestRefused(409, ErrorCode.UNEXPECTED_MESSAGE, text)
    try:
        frames = await cancel_if(wait_for_disconnect(request.receive), work=socket.poll(wait))
        if await request.is_disconnected():
            raise Disconnected
    except Disconnected:
        socket.drop()  # frames may be lost with a poll that was cut off, since polls are not acknowledged
        raise no_such_channel() from None
    if frames:
        return Response("".join(f"{frame}\n" for frame in frames), 200, NO_STORE, media_type=LINES)
    if socket.close_code is not None:
        return Response(close_reason(socket.close_code) + "\n", 410, NO_STORE, media_type=JSON)
    return Response(status_code=204, headers=NO_STORE)
