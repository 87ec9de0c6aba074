"""The socket port: what a Connection needs of whatever carries its frames."""

from __future__ import annotations

from typing import Protocol

from protocol.errors import CloseCode


class Disconnected(Exception):
    """The client is gone, or the close has been carried out: no frame passes any more."""


class Socket(Protocol):
    """Carries frames both ways, whole and in order. Owned by one Connection, on the event loop."""

    async def receive(self) -> str | bytes:
        """The next frame of the client. Raises Disconnected."""

    async def send(self, frame: str) -> None:
        """Send one frame, and wait for as long as the client has enough to read. Raises Disconnected."""

    async def close(self, code: CloseCode) -> None:
        """Close after all that was sent; ``receive`` raises Disconnected next. Raises Disconnected when it is late."""
