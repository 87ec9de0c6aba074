"""A client of server-sent events for tests, which parses them by the WHATWG's standard."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from protocol.conformance.http import HttpExchange
from tests.server.transports.peer import DEADLINE


@dataclass(frozen=True)
class Event:
    name: str
    data: str
    id: str | None

    @property
    def message(self) -> dict[str, Any]:
        message = json.loads(self.data)
        assert isinstance(message, dict)
        return message


class Listener:
    """One response. ``comments``: number of comments so far. ``retry``: the newest value."""

    def __init__(self, exchange: HttpExchange) -> None:
        self.status = exchange.status
        self.headers = exchange.headers
        self.comments = 0
        self.retry: int | None = None
        self.exchange = exchange
        self._chunks = exchange.chunks()
        self._held = b""

    async def next(self) -> Event | None:
        """Return the next event; None at the end of the response."""
        async with asyncio.timeout(DEADLINE):
            while True:
                while b"\n\n" not in self._held:
                    chunk = await anext(self._chunks, None)
                    if chunk is None:
                        assert self._held == b""
                        return None
                    self._held += chunk
                block, _, self._held = self._held.partition(b"\n\n")
                if event := self._event(block.decode()):
                    return event

    async def take(self, name: str) -> Event:
        """Return the next event with this name; earlier ones are dropped."""
        while event := await self.next():
            if event.name == name:
                return event
        raise AssertionError(f"the stream ended before {name}")

    async def rest(self) -> list[Event]:
        """Return all events to the end of the response."""
        events = []
        while event := await self.next():
            events.append(event)
        return events

    def _event(self, block: str) -> Event | None:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            else:
                self.comments += 1
        if "retry" in fields:
            self.retry = int(fields["retry"])
        return Event(fields.get("event", "message"), fields["data"], fields.get("id")) if "data" in fields else None
