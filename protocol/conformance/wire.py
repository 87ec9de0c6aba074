"""One WebSocket, by the ``websockets`` package. Only channel_wire.py and http.py do I/O besides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from protocol.conformance.credentials import authorization


@dataclass(frozen=True)
class Refused(Exception):
    """The server answered the handshake with an HTTP response instead of a socket."""

    status: int
    body: str


@dataclass(frozen=True)
class Ended(Exception):
    """The socket is closed; ``code`` is 1006 without a close frame."""

    code: int


class Unreachable(Exception):
    """No WebSocket server answers at the address."""


class Wire:
    """One open socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def subprotocol(self) -> str | None:
        return self._connection.subprotocol

    async def send(self, data: str | bytes | Iterable[str], *, text: bool | None = None) -> None:
        """Send one frame. Bytes with ``text`` become a text frame, an iterable becomes fragments. Raises Ended."""
        try:
            await self._connection.send(data, text=text)
        except ConnectionClosed:
            raise Ended(self.close_code) from None

    async def receive(self) -> str | bytes:
        """Return the next frame. Raises Ended."""
        try:
            return await self._connection.recv()
        except ConnectionClosed:
            raise Ended(self.close_code) from None

    @property
    def close_code(self) -> int:
        return self._connection.close_code or 1006

    async def close(self) -> None:
        await self._connection.close()

    async def drop(self) -> None:
        """Cut the connection without a close frame, as a network failure does."""
        self._connection.transport.abort()
        await self._connection.wait_closed()


async def dial_websocket(url: str, subprotocols: Iterable[str] | None, seconds: float) -> Wire:
    """Open a socket. Raises Refused or Unreachable."""
    offered = None if subprotocols is None else [Subprotocol(name) for name in subprotocols]
    try:
        connection = await connect(
            url,
            subprotocols=offered,
            additional_headers=authorization(),
            open_timeout=seconds,
            close_timeout=seconds,
            max_size=None,
            max_queue=None,  # a full queue would stop reading, and with it the close
            ping_interval=None,
            compression=None,
            proxy=None,
        )
    except InvalidStatus as answer:
        body = answer.response.body or b""
        raise Refused(answer.response.status_code, body.decode("utf-8", "replace")) from answer
    except (TimeoutError, OSError, InvalidHandshake) as problem:
        raise Unreachable(f"{url}: {type(problem).__name__}: {problem}") from problem
    return Wire(connection)
