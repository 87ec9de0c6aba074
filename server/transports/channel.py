"""The HTTP channel: one connection of the protocol whose frames go up as POSTs (PROTOCOL 13.2).

How they come down is the business of sse.py and polling.py.
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
from server.transports.waiting import gone, unless

logger = logging.getLogger(__name__)

POSTED_LIMIT: Final = 16
"""Frames that were posted and not received by the connection yet; who posts one more waits."""


class ChannelSocket:
    """The way up, which both kinds of channel share. Owned by the connection; requests post into it."""

    def __init__(self) -> None:
        self._posted: asyncio.Queue[str] = asyncio.Queue(POSTED_LIMIT)
        self._over = asyncio.Event()

    async def receive(self) -> str:
        return await unless(self._over.wait(), self._posted.get())

    async def post(self, frame: str) -> None:
        """Hand a frame to the connection. Raises Disconnected when there is none any more."""
        if self._over.is_set():
            raise Disconnected
        await unless(self._over.wait(), self._posted.put(frame))

    def drop(self) -> None:
        """End the channel at once: nothing passes any more in either direction."""
        self._over.set()


class Channels:
    """Owns the names of the open channels, and the tasks of those that outlive each of their requests.

    Who opened one speaks for its client, and has to know its name too: no log has more than its beginning. Of one that
    was opened without a token, which comes in the `hello`, knowing the name is all.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], ChannelSocket] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def named(self, name: str, opener: str, socket: ChannelSocket) -> Iterator[None]:
        """Let the channel be known to its opener for as long as the block lasts."""
        self._open[opener, name] = socket
        try:
            yield
        finally:
            del self._open[opener, name]
            socket.drop()

    def start(self, name: str, opener: str, socket: ChannelSocket, serving: Coroutine[Any, Any, None]) -> None:
        """Let a channel be known until ``serving`` has ended, in a task of its own."""
        task = asyncio.get_running_loop().create_task(self._run(name, opener, socket, serving), name="polled channel")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End the tasks, and with them their channels."""
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
        """The channel that the address names and that the same principal has opened.

        Raises RemoteProtocolError (unknown_id).
        """
        socket = self._open.get((principal_of(request.scope), request.path_params["connection"]))
        if socket is None:
            raise no_such_channel()
        return socket


async def post_frame(request: Request) -> Response:
    """``POST /channel/{connection}``: a frame of the client, 204 once it is taken."""
    channels: Channels = request.app.state.channels
    socket = channels.get(request)
    frame = await read_body(request)
    try:
        await unless(gone(request.receive), socket.post(frame))
    except Disconnected:
        raise no_such_channel() from None
    return Response(status_code=204, headers=NO_STORE)


async def close_channel(request: Request) -> Response:
    """``DELETE /channel/{connection}``: the client's own close."""
    channels: Channels = request.app.state.channels
    channels.get(request).drop()
    return Response(status_code=204, headers=NO_STORE)


def no_such_channel() -> RemoteProtocolError:
    text = "connection: there is no channel of this name, or it has been closed; open another one"
    return RemoteProtocolError(ErrorCode.UNKNOWN_ID, text, field="connection")
