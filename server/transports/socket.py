"""The socket port: what a Connection needs of its transport."""

from __future__ import annotations

from typing import Protocol

from protocol.errors import CloseCode
from protocol.messages import ServerMessage


class Disconnected(Exception):
    """The client has disconnected, or the socket is closed."""


class Socket(Protocol):
    """Carries frames up and messages down, whole and in order. Owned by one Connection, on the event loop."""

    async def receive(self) -> str | bytes:
        """Return the next frame of the client. Raises Disconnected."""

    async def send(self, message: ServerMessage) -> None:
        """Encode and send one message, and wait while the client has enough to read. Raises Disconnected."""

    async def close(self, code: CloseCode) -> None:
        """Close after all sent messages: ``receive`` raises Disconnected next. Raises Disconnected if it was closed."""
