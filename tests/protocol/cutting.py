"""A TCP proxy that breaks lines at any byte, for tests of what a client makes of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cut:
    """Break the line after so many more bytes. ``up``: from client to server, else the other way."""

    after: int
    up: bool = False


@dataclass(eq=False)
class _Line:
    down: asyncio.StreamWriter
    up: asyncio.StreamWriter
    cut: Cut | None = None
    passed: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})

    def drop(self) -> None:
        self.down.transport.abort()
        self.up.transport.abort()


class Proxy:
    """Passes everything on to ``target``, a port. The lines after the first take a cut of ``cuts`` each."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.cuts: list[Cut] = []
        self.lines = 0
        self.refusing = False
        self._open: list[_Line] = []

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def cut(self, cut: Cut = Cut(0)) -> None:
        """Cut the lines that are open now: after ``cut.after`` further bytes, at once if 0."""
        for line in tuple(self._open):
            line.cut = Cut(line.passed[cut.up] + cut.after, cut.up)
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
        line = _Line(down, up, self.cuts.pop(0) if self.cuts else None)
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
                if line.cut and line.cut.up is is_up:
                    room = max(0, line.cut.after - line.passed[is_up])
                    if len(data) >= room:
                        writer.write(data[:room])
                        await asyncio.sleep(0)
                        break
                line.passed[is_up] += len(data)
                writer.write(data)
                await writer.drain()
        line.drop()


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
        server.close()
        proxy.cut()
        while running:
            await asyncio.wait(tuple(running))
