"""Connections that an upstream closes while they wait in the pool."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from server.writers.upstream.line import CutError, Line
from tests.accepted import all_accepted

BODY = json.dumps({"tokens": []}).encode()
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 14\r\n\r\ndata: [DONE]\n\n"


@asynccontextmanager
async def answering(answers: list[int]) -> AsyncIterator[str]:
    """Run a server that answers some requests on each connection, and closes it at the next one. Yields its URL.

    ``answers``: number of requests that each connection answers; one is removed for each connection.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = answers.pop(0)
        while head := await _head(reader):
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
            if not left:
                break
            left -= 1
            writer.write(RESPONSE)

    async with listening(serve) as url:
        yield url


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Run a server that closes each connection when ``serve`` returns. Yields its URL once it listens, and waits at the
    end until all connections are closed."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async with asyncio.TaskGroup() as connections:

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.create_task(handle(reader, writer), name="connection")

        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
            try:
                yield "http://{}:{}".format(*server.sockets[0].getsockname()[:2])
            finally:
                await all_accepted()


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Return the head of the next request; empty if the client closes the connection instead."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def test_a_question_is_sent_again_where_its_connection_was_closed() -> None:
    answers = [1, 1]
    async with answering(answers) as url:
        line = Line(url, None, silence=60)
        try:
            assert [await line.read("POST", "/tokenize", {"content": "Hi"}) for _ in range(2)] == [{"tokens": []}] * 2
        finally:
            await line.close()
    assert answers == []


async def test_a_question_is_sent_only_twice() -> None:
    answers = [0, 0, 1]
    async with answering(answers) as url:
        line = Line(url, None, silence=60)
        try:
            with pytest.raises(CutError, match="broke off"):
                await line.read("POST", "/tokenize", {"content": "Hi"})
        finally:
            await line.close()
    assert answers == [1]


async def test_an_answer_is_asked_for_once_where_the_connection_closes_after_each_stream() -> None:
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if head := await _head(reader):
            asked.append(head.decode().partition("\r")[0])
            writer.write(STREAM)

    async with listening(serve) as url:
        line = Line(url, None, silence=60)
        try:
            for _ in range(50):
                async with line.stream("/completion", {}) as stream:
                    while await stream.read() is not None:
                        pass
        finally:
            await line.close()
    assert asked == ["POST /completion HTTP/1.1"] * 50
