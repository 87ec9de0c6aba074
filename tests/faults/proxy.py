"""A TCP proxy that damages connections: it cuts them at any byte, resets, stalls, slices and throttles them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from tests.accepted import all_accepted

AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER value: close with a reset and discard unsent bytes."""


@dataclass(frozen=True)
class Cut:
    """Break a connection after this number of further bytes. ``up``: count bytes from client to server, else the other
    way.

    ``reset``: break with a TCP reset, so that bytes which either end has not read are lost too.
    """

    after: int
    up: bool = False
    reset: bool = False


@dataclass(frozen=True)
class Weather:
    """Speed of a connection: writes of 1 to ``slices`` bytes, ``rate`` bytes a second, and a pause of ``stall`` seconds
    once ``stall_after`` seconds have passed."""

    slices: int | None = None
    rate: float | None = None
    stall: float = 0.0
    stall_after: int = 0


FAIR: Final = Weather()


@dataclass(eq=False)
class _Line:
    down: asyncio.StreamWriter
    up: asyncio.StreamWriter
    cut: Cut | None
    weather: Weather
    passed: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    stalled: bool = False

    def drop(self) -> None:
        for writer in (self.down, self.up):
            if self.cut and self.cut.reset:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            writer.transport.abort()


class Proxy:
    """Forwards connections to the port ``target``, and owns them. Each new connection takes the next of ``cuts`` and of
    ``weather``. ``whole``: counts the bytes of all connections together and breaks them all, once."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.cuts: list[Cut] = []
        self.weather: Callable[[], Weather] = lambda: FAIR
        self.whole: Cut | None = None
        self.passed = {True: 0, False: 0}
        """Bytes of all connections: up (True) and down (False)."""
        self.lines = 0
        self.refusing = False
        self._open: list[_Line] = []
        self._chance = random.Random(0)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def cut(self, cut: Cut = Cut(0)) -> None:
        """Cut the open connections after ``cut.after`` further bytes; at once if 0."""
        for line in tuple(self._open):
            line.cut = Cut(line.passed[cut.up] + cut.after, cut.up, cut.reset)
            if not cut.after:
                line.drop()

    async def serve(self, down_reader: asyncio.StreamReader, down: asyncio.StreamWriter) -> None:
        if self.refusing:
            down.transport.abort()
            return
        self.lines += 1
        try:
            up_reader, up = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            down.transport.abort()
            return
        line = _Line(down, up, self.cuts.pop(0) if self.cuts else None, self.weather())
        self._open.append(line)
        try:
            await asyncio.gather(
                self._pass(line, down_reader, up, is_up=True), self._pass(line, up_reader, down, is_up=False)
            )
        finally:
            self._open.remove(line)
            line.drop()

    async def _pass(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_up: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                room = self._room(line, is_up)
                await self._write(line, writer, data[:room])
                line.passed[is_up] += len(data)
                self.passed[is_up] += len(data)
                if room is not None and len(data) >= room:
                    await asyncio.sleep(0)
                    break
        if self.whole and self.passed[self.whole.up] >= self.whole.after:
            self.whole = None
            self.cut()
        line.drop()

    def _room(self, line: _Line, is_up: bool) -> int | None:
        """Return the number of bytes that may still pass; None if unlimited."""
        rooms = []
        if line.cut and line.cut.up is is_up:
            rooms.append(line.cut.after - line.passed[is_up])
        if self.whole and self.whole.up is is_up:
            rooms.append(self.whole.after - self.passed[is_up])
        return max(0, min(rooms)) if rooms else None

    async def _write(self, line: _Line, writer: asyncio.StreamWriter, data: bytes) -> None:
        weather = line.weather
        if weather.stall and not line.stalled and sum(line.passed.values()) >= weather.stall_after:
            line.stalled = True
            await asyncio.sleep(weather.stall)
        at = 0
        while at < len(data):
            size = self._chance.randint(1, weather.slices) if weather.slices else len(data)
            writer.write(data[at : at + size])
            at += size
            await writer.drain()
            if weather.rate:
                await asyncio.sleep(size / weather.rate)
            elif weather.slices:
                await asyncio.sleep(0)  # a write of its own, and not one with the next


@contextlib.asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(port)
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await proxy.serve(reader, writer)
        finally:
            running.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        await all_accepted()
        server.close()
        proxy.refusing = True
        proxy.cut()
        while running:
            await asyncio.wait(tuple(running))
