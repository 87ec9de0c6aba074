"""The end of a running server: in a process of its own, on the starter model.

The model is slow, and its answers endless, until a test lets them end: so each is still being written at the stop.
"""

import asyncio
import contextlib
import json
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from protocol.conformance.http import send
from protocol.cursor import Cursor
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Done,
    DoneReason,
    Error,
    Generate,
    Goodbye,
    Token,
    Welcome,
)
from tests.server.repeatable import program
from tests.server.test_main import END, started
from tests.server.transports.peer import Peer

STORY = "Tell me a long story"
SHORT = "--context=512"
"""Option that ends an answer which can't end otherwise soon after the model is fast again."""


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(tmp_path / "data")


@pytest.fixture
def slow_file(tmp_path: Path) -> Path:
    """File that makes the model slow while it exists."""
    file = tmp_path / "slow"
    file.touch()
    return file


@contextlib.asynccontextmanager
async def peer_of(address: str, cursors: dict[str, Cursor] | None = None) -> AsyncIterator[Peer]:
    async with connect(f"ws://{address}/ws", proxy=None, compression=None) as socket:
        peer = Peer(socket, cursors)
        await peer.take(Welcome)
        yield peer


async def begin(peer: Peer, *ids: str) -> None:
    """Start a story for each of ``ids``, and read the first words of one."""
    for id in ids:
        await peer.send(Generate(id=id, prompt=STORY))
        await peer.take(Accepted, id=id)
    await peer.take(Token)


def health(address: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://{address}/healthz") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_signal_stops_the_server_and_the_next_start_continues(
    data: str, slow_file: Path, sent: signal.Signals
) -> None:
    ids = ("g1", "g2")
    async with started(data, SHORT, program=program(slow_file)) as (process, address), peer_of(address) as peer:
        await begin(peer, *ids)
        process.send_signal(sent)
        async with asyncio.timeout(END):
            assert await peer.closed() == 1012
            out, err = await process.communicate()
        assert (await peer.take(Goodbye)).code == 1012
    assert process.returncode in (0, -sent)
    assert (out.decode(), err.decode()) == ("", "")
    cursors = peer.session.cursors
    assert [cursor.done for cursor in cursors.values()] == [None] * 2
    slow_file.unlink()
    async with started(data, SHORT, program=program()) as (process, address), peer_of(address, cursors) as peer:
        for id in ids:
            await peer.send(Attach(id=id, epoch=cursors[id].epoch, after=cursors[id].seq))
            assert (await peer.take(Attached, id=id)).recovered
            done = (await peer.until_done(id))[-1]  # the cursor compares its text with chars and sha256
            assert isinstance(done, Done)
            assert done.reason in (DoneReason.STOP, DoneReason.LENGTH)


async def test_on_restart_interrupt_ends_answers_before_the_stop(data: str, slow_file: Path) -> None:
    serving = started(data, "--on-restart=interrupt", SHORT, program=program(slow_file))
    async with serving as (process, address), peer_of(address) as peer:
        await begin(peer, "g1", "g2")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END):
            assert await peer.closed() == 1012
        for id in ("g1", "g2"):
            assert (await peer.take(Done, id=id)).reason is DoneReason.INTERRUPTED


async def test_drain_lets_running_answers_end_and_refuses_new_ones(data: str, slow_file: Path) -> None:
    ids = [f"g{n}" for n in range(12)]
    serving = started(data, "--drain=600", SHORT, program=program(slow_file))
    async with serving as (process, address), peer_of(address) as peer:
        await begin(peer, *ids)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END):
            while (found := await asyncio.to_thread(health, address))[0] == 200:
                pass
        assert (found[0], found[1]["status"]) == (503, "going down")
        await peer.send(Generate(id="late", prompt=STORY))
        error = await peer.take(Error)
        assert (error.code, error.retryable, error.id) == ("busy", True, "late")
        slow_file.unlink()
        for id in ids:
            done = (await peer.until_done(id))[-1]
            assert isinstance(done, Done)
            assert done.reason in (DoneReason.STOP, DoneReason.LENGTH)
        async with asyncio.timeout(END):
            assert await peer.closed() == 1012
            await process.communicate()


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
async def test_second_signal_stops_at_once_and_loses_nothing(
    data: str, slow_file: Path, second: signal.Signals
) -> None:
    ids = [f"g{n}" for n in range(12)]
    serving = started(data, "--drain=3600", SHORT, program=program(slow_file))
    async with serving as (process, address), peer_of(address) as peer:
        await begin(peer, *ids)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END):
            while (await asyncio.to_thread(health, address))[0] == 200:
                pass
        process.send_signal(second)
        async with asyncio.timeout(END):
            await process.wait()
        assert process.returncode == -second
        with contextlib.suppress(OSError):
            await peer.closed()
    cursors = peer.session.cursors
    assert [cursors[id].done for id in ids] == [None] * len(ids)
    slow_file.unlink()
    async with started(data, SHORT, program=program()) as (process, address), peer_of(address, cursors) as peer:
        for id in ids:
            await peer.send(Attach(id=id, epoch=cursors[id].epoch, after=cursors[id].seq))
            assert (await peer.take(Attached, id=id)).recovered
            await peer.until_done(id)


async def test_open_responses_get_goodbye_and_do_not_delay_the_stop(data: str, slow_file: Path) -> None:
    async with started(data, SHORT, program=program(slow_file)) as (process, address):
        base = f"http://{address}"
        async with peer_of(address) as peer, contextlib.AsyncExitStack() as stack:
            await begin(peer, *(f"g{n}" for n in range(12)))
            streams = [await send("GET", f"{base}/channel"), await send("GET", f"{base}/generations/g11/events")]
            for stream in streams:
                stack.callback(stream.abort)
                await stream.begin()
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(END):
                await process.wait()
                assert await peer.closed() == 1012
                channel, events = [(await stream.body()).decode() for stream in streams]
        assert channel.endswith('event: close\ndata: {"code":1012,"reason":""}\n\n')
        assert "event: goodbye" in events


async def test_client_that_does_not_read_does_not_delay_the_stop(data: str, slow_file: Path) -> None:
    async with started(data, SHORT, program=program(slow_file)) as (process, address):
        host, port = address.split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /static/app.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000)
        async with peer_of(address) as peer:
            await begin(peer, "g1")
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(END):
                await process.wait()
                await peer.closed()
        writer.close()
