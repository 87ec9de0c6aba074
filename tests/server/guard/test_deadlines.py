"""Slow clients that send a request over raw sockets (slowloris)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from server.guard.deadlines import TOO_SLOW, Deadlines, PunctualProtocol
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving

NEVER = 3600.0
"""Time limit, in seconds, of everything that a test doesn't test; never reached, even on a slow machine."""

SHORT = 0.1
LONGER = 3.0
"""Time to open a socket and a stream on a slow machine, in seconds."""

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HEAD = b"POST /generations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 15\r\n"


class Protocol(PunctualProtocol):
    """HTTP protocol whose deadlines a test sets when they matter."""

    deadlines = Deadlines(head=NEVER, body=NEVER)


@pytest.fixture
async def server(no_errors_logged: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningServer]:
    monkeypatch.setattr(Protocol, "deadlines", Deadlines(head=NEVER, body=NEVER))
    async with serving(ScriptedModel(), http=Protocol) as server:
        yield server


@contextlib.asynccontextmanager
async def line(server: RunningServer) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    yield reader, writer
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def dripped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    """Send a byte now and then, without end; return the response once the server stops waiting."""
    loop = asyncio.get_running_loop()

    async def drip() -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(0.01)

    dripping = loop.create_task(drip(), name="drip")
    try:
        async with asyncio.timeout(DEADLINE):
            try:
                return await reader.read()
            except ConnectionResetError:
                return b""
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def test_a_head_that_does_not_end(server: RunningServer) -> None:
    Protocol.deadlines = Deadlines(head=SHORT, body=NEVER)
    async with line(server) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ")
        assert await dripped(reader, writer, b"a") in (b"", TOO_SLOW)


async def test_a_connection_that_says_nothing(server: RunningServer) -> None:
    Protocol.deadlines = Deadlines(head=SHORT, body=NEVER)
    async with line(server) as (reader, _), asyncio.timeout(DEADLINE):
        assert await reader.read() == b""


async def test_the_second_head_of_a_connection(server: RunningServer) -> None:
    async with line(server) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        told = await reader.readuntil(b"\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 200")
        await reader.readexactly(int(told.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
        Protocol.deadlines = Deadlines(head=SHORT, body=NEVER)
        assert await dripped(reader, writer, b"G") in (b"", TOO_SLOW)


async def test_a_body_that_does_not_end(server: RunningServer) -> None:
    Protocol.deadlines = Deadlines(head=NEVER, body=SHORT)
    async with line(server) as (reader, writer):
        writer.write(HEAD.replace(b"15", b"100000") + b"\r\n")
        assert await dripped(reader, writer, b" ") in (b"", TOO_SLOW)
    assert server.registry.active == []


async def test_open_streams_have_no_deadline(server: RunningServer) -> None:
    """An open socket and an open stream outlive the deadline of a later request's head."""
    Protocol.deadlines = Deadlines(head=LONGER, body=LONGER)
    async with server.peer() as peer, server.listen("GET", "/channel") as channel:
        await channel.take("welcome")
        async with line(server) as (reader, _), asyncio.timeout(DEADLINE):
            assert await reader.read() == b""
        assert await peer.errors() == []
        assert len(server.connections) == 2
