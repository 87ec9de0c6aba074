"""The HTTP channel (PROTOCOL 13) behind the interface of a WebSocket: frames go up as POSTs and come down in two
ways."""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from typing import Final

from protocol.conformance.http import BadResponse, HttpExchange, fetch, send
from protocol.conformance.observer import Violation
from protocol.conformance.wire import Ended, Refused, Unreachable

LOST: Final = 1006
"""Close code for a connection that ended without a close, as on a WebSocket."""

POLL_SECONDS: Final = 25


class ChannelWire(ABC):
    """One open channel. Owns the task that reads it: as on a socket, reading never waits for the consumer."""

    subprotocol = None

    def __init__(self, url: str) -> None:
        self._url = url
        self._query = ""
        self._name = ""
        self._frames: asyncio.Queue[str | Exception] = asyncio.Queue()
        self._down: HttpExchange | None = None
        self.close_code = LOST

    async def open(self, seconds: float) -> None:
        """Open the channel within ``seconds``. Raises Refused or Unreachable."""
        base, mark, query = self._url.partition("?")
        self._url, self._query = base, mark + query
        try:
            async with asyncio.timeout(seconds):
                frame = await self._open()
                self._name = _name_of(frame)
        except (TimeoutError, OSError, BadResponse, Refused) as problem:
            self._cut()
            if isinstance(problem, Refused):
                raise
            raise Unreachable(f"{base}: {type(problem).__name__}: {problem}") from problem
        self._frames.put_nowait(frame)
        self._reading = asyncio.get_running_loop().create_task(self._read_all(), name="channel")

    async def send(self, data: str | bytes | Iterable[str], *, text: bool | None = None) -> None:
        """Send one frame. An `error` in the answer to the POST is received like any other. Raises Ended."""
        assert isinstance(data, str), "the case should say that it is for WebSockets only"
        try:
            answer = await fetch("POST", f"{self._url}/{self._name}", data.encode())
        except (OSError, BadResponse):
            raise Ended(self.close_code) from None
        if answer.status == 404:
            raise Ended(self.close_code)
        if answer.status != 204:
            self._frames.put_nowait(answer.body.strip())

    async def receive(self) -> str:
        """Return the next frame. Raises Ended, Violation."""
        frame = await self._frames.get()
        if isinstance(frame, Exception):
            self._frames.put_nowait(frame)
            raise frame
        return frame

    async def close(self) -> None:
        """Close the channel normally (DELETE)."""
        with contextlib.suppress(OSError, BadResponse):
            await fetch("DELETE", f"{self._url}/{self._name}")
        await self._stop()

    async def drop(self) -> None:
        """Cut the connection without notice to the server, as a network failure does."""
        await self._stop()

    async def _stop(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._cut()

    def _cut(self) -> None:
        if self._down:
            self._down.abort()

    async def _read_all(self) -> None:
        try:
            async for frame in self._read():
                self._frames.put_nowait(frame)
            self._frames.put_nowait(Ended(self.close_code))
        except (OSError, BadResponse):
            self._frames.put_nowait(Ended(LOST))
        except Violation as violation:
            self._frames.put_nowait(violation)

    @abstractmethod
    async def _open(self) -> str:
        """Open the channel and return the first frame. Raises Refused, OSError, BadResponse."""

    @abstractmethod
    def _read(self) -> AsyncIterator[str]:
        """Yield every further frame to the end. Raises OSError, BadResponse, Violation; sets ``close_code``."""


class EventWire(ChannelWire):
    """Channel that receives server-sent events (PROTOCOL 13.3)."""

    async def _open(self) -> str:
        self._down = await send("GET", self._url + self._query)
        await self._down.begin()
        if self._down.status != 200:
            raise Refused(self._down.status, (await self._down.body()).decode("utf-8", "replace"))
        self._events = events(self._down)
        return (await anext(self._events))["data"]

    async def _read(self) -> AsyncIterator[str]:
        async for fields in self._events:
            name, data = fields.get("event"), fields["data"]
            if name == "close":
                self.close_code = json.loads(data)["code"]
                return
            if name != json.loads(data)["type"]:
                raise Violation("13.3/1", f"an event {name} whose data is {data}")
            yield data


class PollWire(ChannelWire):
    """Channel that receives by long poll, one response after the other (PROTOCOL 13.4)."""

    async def _open(self) -> str:
        self._waits = asyncio.Event()
        answer = await fetch("POST", self._url + self._query, b"")
        if answer.status != 201:
            raise Refused(answer.status, answer.body)
        return answer.body.strip()

    async def _read(self) -> AsyncIterator[str]:
        while True:
            self._down = await send("GET", f"{self._url}/{self._name}/poll?wait={POLL_SECONDS}")
            self._waits.set()
            answer = await self._down.answer()
            self._down.abort()
            self._waits.clear()
            if answer.status not in (200, 204):
                self.close_code = json.loads(answer.body)["code"] if answer.status == 410 else LOST
                return
            for line in answer.body.split("\n"):
                if line:
                    yield line

    async def drop(self) -> None:
        """Drop the connection during a poll: a server notices a lost client only by a poll that is cut off."""
        if not self._reading.done():
            await self._waits.wait()
        await super().drop()


async def events(exchange: HttpExchange) -> AsyncIterator[dict[str, str]]:
    """Yield the fields of each event that has data. Raises BadResponse, also for lines without a field."""
    held = b""
    async for chunk in exchange.chunks():
        *blocks, held = (held + chunk).split(b"\n\n")
        for block in blocks:
            lines = [line for line in block.decode().split("\n") if not line.startswith(":")]
            try:
                fields = dict(line.split(": ", 1) for line in lines)
            except ValueError:
                raise BadResponse(f"no event: {block!r}") from None
            if "data" in fields:
                yield fields


def _name_of(welcome: str) -> str:
    try:
        return str(json.loads(welcome)["connection"])
    except (ValueError, KeyError, TypeError):
        raise Refused(200, f"the first frame is no welcome: {welcome}") from None
