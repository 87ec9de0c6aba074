"""Time limits for receiving a request: uvicorn alone waits forever for the rest of a head or body.

A client that sends a byte now and then (slowloris) would otherwise occupy a connection and its file descriptor.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Time limits in seconds. ``head``: from the connection, or the first byte of the next request, to the blank
    line; ``body``: from there to the body's end."""

    head: float = 10.0
    body: float = 60.0


TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class PunctualProtocol(H11Protocol):
    """uvicorn's connection with deadlines. Owns their timer.

    h11's state of the client tells what is awaited: IDLE is a head, SEND_BODY a body; in other states the client need
    not send. Between two requests, before the first byte of the next, uvicorn's own keep-alive timer runs.
    """

    deadlines: ClassVar[Deadlines] = Deadlines()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._awaited: type[h11.SEND_BODY] | type[h11.IDLE] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._received = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(h11.IDLE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received = True
        super().data_received(data)
        if self.transport.get_protocol() is self:
            self._expect(self.conn.their_state)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._expect(None)
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        self._expect(None)
        super().on_response_complete()

    def _expect(self, state: Any) -> None:
        awaited = state if state in (h11.IDLE, h11.SEND_BODY) else None
        if awaited is self._awaited:
            return
        self._awaited = awaited
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if awaited is not None:
            seconds = self.deadlines.head if awaited is h11.IDLE else self.deadlines.body
            self._timer = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        """Close the connection, with 408 if a request has begun and no response has."""
        if self.transport.is_closing():
            return
        answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._received and not answered:
            self.transport.write(TOO_SLOW)
        self.transport.close()
