"""The open connections of this server, so that each gets a `goodbye` when the server stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

from protocol.errors import CloseCode
from server.logs import belonging_to, event
from server.transports.connection import Connection

logger = logging.getLogger(__name__)

RECONNECT_MS = 2000
"""Longest reconnect delay of a client in milliseconds, of which it picks a random part."""

FLUSH_SECONDS = 2.0
"""Time for slow readers to receive the rest when the server stops."""


LOGGED_DIGITS = 8
"""Length of a connection's name in the log: enough to find it, too short to send frames in its place."""


class Transport(StrEnum):
    """The transport of a connection."""

    WEBSOCKET = "websocket"
    SSE = "sse"
    POLLING = "polling"
    EVENTS = "events"  # of one generation
    RESPONSES = "responses"  # the WebSocket of OpenAI's API


class Connections:
    """Owns the set of open connections, on the event loop. Any thread may read the counts."""

    def __init__(self) -> None:
        self._open: dict[Connection, Transport] = {}
        self._foreign: Counter[Transport] = Counter()
        """Open connections of other protocols, which end by themselves when ``leaving`` is set."""
        self.opened: Counter[Transport] = Counter()
        """Connections opened since the start."""
        self.leaving = asyncio.Event()
        """Set when the server stops, for requests that wait without a connection."""

    def __len__(self) -> int:
        return len(self._open)

    def by_transport(self) -> Counter[Transport]:
        """Count the open connections of each transport."""
        return Counter(list(self._open.values())) + self._foreign

    @contextlib.contextmanager
    def counted(self, transport: Transport) -> Iterator[None]:
        """Count a connection of another protocol while the block runs."""
        self._foreign[transport] += 1
        self.opened[transport] += 1
        try:
            yield
        finally:
            self._foreign[transport] -= 1

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
        """Close connections whose token was revoked or whose session has ended (PROTOCOL 3.6)."""
        for connection in self._open:
            if not connection.access.is_valid:
                connection.dismiss(CloseCode.BAD_TOKEN)

    async def say_goodbye(self) -> None:
        """Send `goodbye` to all, and wait until they are closed, at most FLUSH_SECONDS."""
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
