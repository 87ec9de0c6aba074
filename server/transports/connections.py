"""All open connections of this server, so that each is told when the server goes down."""

from __future__ import annotations

import asyncio

from protocol.errors import CloseCode
from server.transports.connection import Connection

RECONNECT_MS = 2000
"""A client that comes back waits a random time up to this, so that not all come back at once."""

FLUSH_SECONDS = 2.0
"""How long a slow reader is given to take what is left."""


class Connections:
    """Owns the set of open connections, on the event loop."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()
        self.leaving = asyncio.Event()
        """Set once the server goes down, for those who wait without a connection."""

    def __len__(self) -> int:
        return len(self._open)

    async def serve(self, connection: Connection) -> None:
        """Run ``connection`` to its end."""
        self._open.add(connection)
        try:
            await connection.run()
        finally:
            self._open.discard(connection)

    def dismiss_invalid(self) -> None:
        """Close those whose token was revoked, or whose session has ended (PROTOCOL 3.6)."""
        for connection in self._open:
            if not connection.visit.is_valid:
                connection.dismiss(CloseCode.BAD_TOKEN)

    async def say_goodbye(self) -> None:
        """Tell each that the server goes down, and wait until they are closed, at most FLUSH_SECONDS."""
        self.leaving.set()
        leaving = tuple(self._open)
        for connection in leaving:
            connection.say_goodbye(CloseCode.RESTART, RECONNECT_MS)
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                for connection in leaving:
                    await connection.closed.wait()
        except TimeoutError:
            return
