"""All open connections of this server, so that each is told when the server goes down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from enum import StrEnum

from protocol.errors import CloseCode
from server.logs import belonging_to, event
from server.transports.connection import Connection

logger = logging.getLogger(__name__)

RECONNECT_MS = 2000
"""A client that comes back waits a random time up to this, so that not all come back at once."""

FLUSH_SECONDS = 2.0
"""How long a slow reader is given to take what is left."""


LOGGED_DIGITS = 8
"""Of a connection's name: enough to find it, and too few to speak in its place."""


class Transport(StrEnum):
    """What carries a connection's frames."""

    WEBSOCKET = "websocket"
    SSE = "sse"
    POLLING = "polling"
    EVENTS = "events"  # of one generation


class Connections:
    """Owns the set of open connections, on the event loop. Any thread may read the counts."""

    def __init__(self) -> None:
        self._open: dict[Connection, Transport] = {}
        self.opened: Counter[Transport] = Counter()
        """How many there have been."""
        self.leaving = asyncio.Event()
        """Set once the server goes down, for those who wait without a connection."""

    def __len__(self) -> int:
        return len(self._open)

    def by_transport(self) -> Counter[Transport]:
        """How many are open now."""
        return Counter(list(self._open.values()))

    async def serve(self, connection: Connection, transport: Transport) -> None:
        """Run ``connection`` to its end."""
        self._open[connection] = transport
        self.opened[transport] += 1
        started = time.monotonic()
        with belonging_to(connection=connection.name[:LOGGED_DIGITS]):
            event(logger, logging.INFO, "connection opened", transport=transport)
            try:
                await connection.run()
            finally:
                del self._open[connection]
                ms = round((time.monotonic() - started) * 1000, 1)
                event(logger, logging.INFO, "connection closed", transport=transport, ms=ms)

    def dismiss_invalid(self) -> None:
        """Close those whose token was revoked, or whose session has ended (PROTOCOL 3.6)."""
        for connection in self._open:
            if not connection.access.is_valid:
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
