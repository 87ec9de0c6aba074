"""The HTTP channel: one connection of the protocol whose frames go up as POSTs (PROTOCOL 13.2).

sse.py and polling.py send messages down.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from protocol.errors import ErrorCode, RemoteProtocolError
from server.guard.principal import principal_of
from server.transports.requests import NO_STORE, read_body
from server.transports.socket import Disconnected
from server.transports.waiting import cancel_if, wait_for_disconnect

logger = logging.getLogger(__name__)

POSTED_LIMIT: Final = 16
"""Posted frames that the connection has not received yet; the next POST waits."""


class ChannelSocket:
    """Upward half of a channel, shared by both kinds. Owned by the connection; requests post into it."""

    def __init__(self) -> None:
        self._posted: asyncio.Queue[str] = asyncio.Queue(POSTED_LIMIT)
        self._over = asyncio.Event()

    async def receive(self) -> str:
        return await cancel_if(self._over.wait(), work=self._posted.get())

    async def post(self, frame: str) -> None:
        """Hand a frame to the connection. Raises Disconnected if it has ended."""
        if self._over.is_set():
            raise Disconnected
        await cancel_if(self._over.wait(), work=self._posted.put(frame))

    def drop(self) -> None:
        """End the channel at once, in both directions."""
        self._over.set()


class Channels:
    """Owns the names of the open channels, and the tasks of those that outlive each of their requests.

    A request belongs to a channel if its principal opened that channel and it has the channel's name, of which logs
    show only the beginning. For a channel opened without a token, which comes later in the `hello`, the name is enough.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], ChannelSocket] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def named(self, name: str, opener: str, socket: ChannelSocket) -> Iterator[None]:
        """Register the channel for its opener while the block runs."""
        self._open[opener, name] = socket
        try:
            yield
        finally:
            del self._open[opener, name]
            socket.drop()

    def start(self, name: str, opener: str, socket: ChannelSocket, serving: Coroutine[Any, Any, None]) -> None:
        """Register a channel until ``serving`` has ended, in a task of its own."""
        task = asyncio.get_running_loop().create_task(self._run(name, opener, socket, serving), name="polled channel")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel the tasks, and with them their channels."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, name: str, opener: str, socket: ChannelSocket, serving: Coroutine[Any, Any, None]) -> None:
        with self.named(name, opener, socket):
            try:
                await serving
            except Exception:
                logger.exception("a fault ended a polled channel")

    def get(self, request: Request) -> ChannelSocket:
        """Return the channel that the address names and the same principal has opened.

        Raises RemoteProtocolError (unknown_id).
        """
        socket = self._open.get((principal_of(request.scope), request.path_params["connection"]))
        if socket is None:
            raise no_such_channel()
        return socket


async def post_frame(request: Request) -> Response:
    """``POST /channel/{connection}``: receive a frame of the client; 204 once the connection has it."""
    channels: Channels = request.app.state.channels
    socket = channels.get(request)
    frame = await read_body(request)
    try:
        await cancel_if(wait_for_disconnect(request.receive), work=socket.post(frame))
    except Disconnected:
        raise no_such_channel() from None
    return Response(status_code=204, headers=NO_STORE)


async def close_channel(request: Request) -> Response:
    """``DELETE /channel/{connection}``: close the channel."""
    channels: Channels = request.app.state.channels
    channels.get(request).drop()
    return Response(status_code=204, headers=NO_STORE)


def no_such_channel() -> RemoteProtocolError:
    text = "connection: there is no channel of this name, or it was closed; open another one"
    return RemoteProtocolError(ErrorCode.UNKNOWN_ID, text, field="connection")
