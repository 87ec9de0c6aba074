"""The socket port: what a Connection needs of its transport."""

from __future__ import annotations

from typing import Protocol

from protocol.errors import CloseCode
from protocol.messages import ServerMessage


class Disconnected(Exception):
    """The client is gone, or the close has been carried out: no frame passes any more."""


class Socket(Protocol):
    """Carries frames up and messages down, whole and in order. Owned by one Connection, on the event loop."""

    async def receive(self) -> str | bytes:
        """The next frame of the client. Raises Disconnected."""

    async def send(self, message: ServerMessage) -> None:
        """Encode and send one message, and wait while the client has enough to read. Raises Disconnected."""

    async def close(self, code: CloseCode) -> None:
        """Close after all that was sent; ``receive`` raises Disconnected next. Raises Disconnected when it is late."""
