"""The kit's client of the HTTP channel, against servers with scripted responses."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from protocol.codec import MAX_FRAME_BYTES
from protocol.conformance.dial import AnyWire, dial
from protocol.conformance.http import BadResponse, fetch
from protocol.conformance.observer import Violation
from protocol.conformance.script import Transport
from protocol.conformance.wire import Ended, Refused, Unreachable
from tests.accepted import all_accepted
from tests.conformance.serving import url_of

SECONDS = 60.0
WELCOME = '{"type":"welcome","connection":"c"}'
EVENTS = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
HEAD = "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n"
FIRST = f"event: welcome\ndata: {WELCOME}\n\n"
OPENED = f"HTTP/1.1 201 Created\r\ncontent-length: {len(WELCOME)}\r\n\r\n{WELCOME}"


@contextlib.asynccontextmanager
async def saying(*answers: str) -> AsyncIterator[int]:
    """Run a server that sends one response to each request and closes; the last response is repeated."""
    waiting = list(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write((waiting.pop(0) if len(waiting) > 1 else waiting[0]).encode())
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await all_accepted()


@contextlib.asynccontextmanager
async def wire(kind: str, *answers: str) -> AsyncIterator[AnyWire]:
    async with saying(*answers) as port:
        opened = await dial(f"http+{kind}://127.0.0.1:{port}/channel", None, SECONDS)
        try:
            assert await opened.receive() == WELCOME
            yield opened
        finally:
            await opened.close()


def answer(status: int, body: str = "") -> str:
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body.encode())}\r\n\r\n{body}"


async def ended(opened: AnyWire) -> int:
    with pytest.raises(Ended) as end:
        await opened.receive()
    return end.value.code


async def test_events_and_their_close() -> None:
    close = 'event: close\ndata: {"code":4508,"reason":""}\n\n'
    async with wire("sse", EVENTS + FIRST + ':\n\nevent: pong\ndata: {"type":"pong"}\n\n' + close) as opened:
        assert await opened.receive() == '{"type":"pong"}'
        assert await ended(opened) == 4508
        assert await ended(opened) == 4508


async def test_an_event_of_another_name_breaks_a_rule() -> None:
    async with wire("sse", EVENTS + FIRST + 'event: token\ndata: {"type":"pong"}\n\n') as opened:
        with pytest.raises(Violation) as violation:
            await opened.receive()
    assert violation.value.rule == "13.3/1"


@pytest.mark.parametrize("rest", ["", "event: po", "nonsense\n\n"])
async def test_a_stream_without_a_close_is_lost(rest: str) -> None:
    async with wire("sse", EVENTS + FIRST + rest) as opened:
        assert await ended(opened) == 1006


async def test_polls_and_their_close() -> None:
    lines = '{"type":"pong","nonce":"\u2028"}\n{"type":"pong"}\n'
    closed = answer(410, '{"code":1012,"reason":""}')
    async with wire("poll", OPENED, answer(200, lines), "HTTP/1.1 204 X\r\n\r\n", closed) as opened:
        assert [await opened.receive(), await opened.receive()] == lines.split("\n")[:2]
        assert await ended(opened) == 1012


@pytest.mark.parametrize("lost", [answer(404), answer(500), "HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n{", ""])
async def test_a_poll_that_fails_has_lost_the_channel(lost: str) -> None:
    async with wire("poll", OPENED, lost) as opened:
        assert await ended(opened) == 1006


@pytest.mark.parametrize("transport", ["sse", "poll"])
async def test_an_error_in_answer_to_the_post_is_received_like_any_other(
    scripted_port: int, transport: Transport
) -> None:
    opened = await dial(url_of(transport, scripted_port), None, SECONDS)
    await opened.receive()
    await opened.send(" " * (MAX_FRAME_BYTES + 1))
    assert json.loads(await opened.receive())["code"] == "bad_frame"
    await opened.close()
    with pytest.raises(Ended):
        await opened.send("{}")


@pytest.mark.parametrize("kind", ["sse", "poll"])
async def test_a_server_that_refuses_the_channel(kind: str) -> None:
    async with saying(answer(503, "later")) as port:
        with pytest.raises(Refused) as refused:
            await dial(f"http+{kind}://127.0.0.1:{port}/channel", None, SECONDS)
    assert (refused.value.status, refused.value.body) == (503, "later")


@pytest.mark.parametrize("kind", ["sse", "poll"])
@pytest.mark.parametrize("nonsense", ["", "SMTP ready\r\n", "HTTP/1.1 soon\r\n\r\n"])
async def test_server_without_http_is_unreachable(kind: str, nonsense: str) -> None:
    async with saying(nonsense) as port:
        with pytest.raises(Unreachable):
            await dial(f"http+{kind}://127.0.0.1:{port}/channel", None, SECONDS)


async def test_chunks_are_put_together() -> None:
    chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"
    async with saying(chunked) as port:
        assert (await fetch("GET", f"http://127.0.0.1:{port}/")).body == "abc0123456789"
    async with saying(chunked[:-12]) as port:
        with pytest.raises(BadResponse):
            await fetch("GET", f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("kept", range(1, len(HEAD)))
async def test_a_head_that_is_cut_is_no_shorter_head(kept: int) -> None:
    async with saying(HEAD[:kept]) as port:
        with pytest.raises(BadResponse):
            await fetch("GET", f"http://127.0.0.1:{port}/")
