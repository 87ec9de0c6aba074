"""A client for tests that follows the protocol, and so raises when the server breaks a rule.

Gaps in the numbers, a second `done`, a wrong `sha256`, an event before `accepted`: each raises RemoteProtocolError.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from protocol.cursor import Cursor
from protocol.messages import ClientMessage, Done, Error, ServerMessage, Status, StatusRequest
from protocol.session import ClientSession

DEADLINE = 60.0
"""Time limit of a test's wait, in seconds. No test comes near it, even on a busy machine."""

M = TypeVar("M", bound=ServerMessage)


class Peer:
    """The client's end of one socket. ``cursors``: those of an earlier socket, to resume from."""

    def __init__(self, socket: ClientConnection, cursors: dict[str, Cursor] | None = None) -> None:
        self.socket = socket
        self.session = ClientSession(cursors)
        self._unread: list[ServerMessage] = []

    async def send(self, *messages: ClientMessage | str | bytes) -> None:
        """Send all messages in one frame. Text is sent unchanged; so are bytes, which must be alone."""
        if messages and isinstance(messages[0], bytes):
            await self.socket.send(messages[0])
            return
        lines = [m if isinstance(m, str) else self.session.send(m) for m in messages if not isinstance(m, bytes)]
        await self.socket.send("\n".join(lines))

    async def next(self) -> ServerMessage:
        """Return the oldest message not taken yet."""
        while not self._unread:
            await self._read()
        return self._unread.pop(0)

    async def take(self, kind: type[M], **fields: Any) -> M:
        """Return the first message not taken yet with this type and these fields; the others stay."""
        at = 0
        while True:
            for index in range(at, len(self._unread)):
                message = self._unread[index]
                if isinstance(message, kind) and all(getattr(message, k) == v for k, v in fields.items()):
                    del self._unread[index]
                    return message
            at = len(self._unread)
            await self._read()

    async def until_done(self, id: str) -> list[ServerMessage]:
        """Return all messages about ``id`` not taken yet, in order; the last is its `done`."""
        done = await self.take(Done, id=id)
        return [*self._take_all(id), done]

    async def carried_out(self) -> None:
        """Return once the server has carried out everything sent so far. Messages that arrived can still be taken."""
        await self.send(StatusRequest())
        await self.take(Status, id=None)

    async def settle(self) -> list[ServerMessage]:
        """Return the messages not taken yet, once the server has carried out everything sent so far."""
        await self.carried_out()
        unread, self._unread = self._unread, []
        return unread

    async def read_up_to(self, id: str, seq: int) -> None:
        """Return once event ``seq`` of ``id`` has arrived. Drops all messages that arrived."""
        while self.session.cursors[id].seq < seq:
            await self._read()
        await self.settle()

    async def errors(self) -> list[Error]:
        return [message for message in await self.settle() if isinstance(message, Error)]

    def text(self, id: str) -> str:
        """Return the text of ``id`` so far."""
        return self.session.cursors[id].text

    async def closed(self) -> int | None:
        """Read everything until the server closes; return the close code."""
        try:
            while True:
                await self._read()
        except ConnectionClosed:
            return self.socket.close_code

    def vanish(self) -> None:
        """Drop the connection without a close frame, as a network does."""
        self.socket.transport.abort()

    async def _read(self) -> None:
        async with asyncio.timeout(DEADLINE):
            frame = await self.socket.recv()
        self._unread.extend(self.session.receive(frame))

    def _take_all(self, id: str) -> list[ServerMessage]:
        taken = [message for message in self._unread if getattr(message, "id", None) == id]
        self._unread = [message for message in self._unread if getattr(message, "id", None) != id]
        return taken
