"""A proxy in front of the real server that changes HTTP requests or responses."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tests.accepted import all_accepted
from tests.conformance.serving import URLS


@dataclass(frozen=True)
class HttpFault:
    """Breaks ``rule``: replaces the matches of a pattern in requests, or else in responses."""

    rule: str
    what: str
    pattern: bytes
    by: bytes
    in_requests: bool = False

    def request(self, data: bytes) -> bytes:
        return re.sub(self.pattern, self.by, data) if self.in_requests else data

    def response(self, data: bytes) -> bytes:
        return data if self.in_requests else re.sub(self.pattern, self.by, data)


@contextlib.asynccontextmanager
async def http_proxy(upstream: int, fault: HttpFault) -> AsyncIterator[str]:
    """Forward all requests to the port ``upstream`` through a fault; yields the channel's address for events."""

    handling: set[asyncio.Task[None]] = set()

    async def relay(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        request = await _request(client)
        server, ask = await asyncio.open_connection("127.0.0.1", upstream)
        try:
            # Over HTTP/1.0 the end of the connection ends the response: whatever a fault does to its length.
            ask.write(fault.request(request.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)))
            async with asyncio.TaskGroup() as tasks:
                going = tasks.create_task(client.read(), name="until the client goes")
                going.add_done_callback(lambda _: ask.transport.abort())
                while data := await server.read(2**16):
                    answer.write(fault.response(re.sub(rb"content-length: \d+\r\n", b"", data)))
                    await answer.drain()
                going.cancel()
        finally:
            ask.transport.abort()

    async def handle(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handling.add(task)
        try:
            with contextlib.suppress(OSError, ExceptionGroup):
                await relay(client, answer)
        finally:
            answer.close()
            handling.discard(task)

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as listening:
        yield URLS["sse"].format(listening.sockets[0].getsockname()[1])
        await all_accepted()
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)


async def _request(client: asyncio.StreamReader) -> bytes:
    head = await client.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return head + (await client.readexactly(int(length[1])) if length else b"")
