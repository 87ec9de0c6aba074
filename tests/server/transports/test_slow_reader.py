"""A client that stops reading: it is disconnected, others are unaffected, and it can resume (PROTOCOL 7)."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect

from protocol.errors import CloseCode
from protocol.messages import Accepted, Attach, Attached, Done, Generate, Params, Token, Welcome
from server.transports import pace
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

STREAMS = 16
TOKENS = 5_000
"""Length of each answer. Together they have more text than the system's buffers for a client plus BEHIND."""

BEHIND = 65_536
"""Limit for a slow reader: a quarter of the default, which is reached in a quarter of the time."""

BODIES = [Generate(id=f"g{n}", prompt="Hi", params=Params(seed=n), on_detach_ms=None) for n in range(STREAMS)]


@pytest.fixture
async def server(no_errors_logged: None) -> AsyncIterator[RunningServer]:
    async with serving(ScriptedModel(slots=STREAMS, context=16_000, answer_tokens=TOKENS)) as server:
        yield server


@contextlib.asynccontextmanager
async def stalling(server: RunningServer) -> AsyncIterator[Peer]:
    """A client with a small receive buffer, which reads only when the test reads."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", server.port))
    url = f"ws://127.0.0.1:{server.port}/ws"
    options = {"proxy": None, "compression": None, "ping_interval": None, "max_queue": 1, "close_timeout": 0.1}
    async with connect(url, sock=plain, **options) as connection:  # type: ignore[arg-type]
        peer = Peer(connection)
        await peer.take(Welcome)
        yield peer
        peer.vanish()


def pacers() -> list[asyncio.Task[object]]:
    """Return the tasks that disconnect slow readers, one for each connection."""
    return [task for task in asyncio.all_tasks() if task.get_name() == "keep pace"]


async def attach_all(peer: Peer) -> None:
    for body in BODIES:
        await peer.send(Attach(id=str(body.id)))
        await peer.take(Attached, id=body.id)


async def all_done(peer: Peer) -> dict[str, str]:
    """Return the text of each answer; the peer's cursors have checked its sha256."""
    for body in BODIES:
        await peer.take(Done, id=body.id)
    return {id: cursor.text for id, cursor in peer.session.cursors.items()}


async def test_stalled_reader_is_closed_with_4508_and_others_get_all(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "BEHIND_BYTES", BEHIND)
    server.model.gate.close()
    async with server.peer(max_queue=None) as healthy, stalling(server) as stalled:
        await healthy.send(*BODIES)
        await healthy.take(Accepted, id=BODIES[-1].id)
        await attach_all(stalled)
        keeping = pacers()
        server.model.gate.open()
        await server.until(lambda: any(task.done() for task in keeping))
        assert await stalled.closed() == CloseCode.SLOW_READER
        whole = await all_done(healthy)
        cursors = stalled.session.cursors
        assert not all(cursor.done for cursor in cursors.values())
    async with server.peer(cursors=cursors, max_queue=None) as again:
        for cursor in tuple(cursors.values()):
            if not cursor.done:
                await again.send(Attach(id=cursor.id, epoch=cursor.epoch, after=cursor.seq))
                assert (await again.take(Attached, id=cursor.id)).recovered
                await again.until_done(cursor.id)
        assert {id: cursor.text for id, cursor in cursors.items()} == whole


async def test_reader_that_takes_nothing_for_too_long_is_closed(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "BEHIND_BYTES", 2**40)
    monkeypatch.setattr(pace, "BEHIND_SECONDS", 0.2)
    server.model.gate.close()
    async with stalling(server) as stalled:
        await stalled.send(*BODIES)
        await stalled.take(Accepted, id=BODIES[-1].id)
        server.model.gate.open()
        (keeping,) = pacers()
        await server.until(keeping.done)
        assert await stalled.closed() == CloseCode.SLOW_READER


async def test_slow_reader_gets_larger_messages(server: RunningServer) -> None:
    async with stalling(server) as slow:
        await slow.send(BODIES[0])
        sizes = []
        async with asyncio.timeout(60):
            while True:
                message = await slow.next()
                if isinstance(message, Token):
                    sizes.append(message.n)
                    await asyncio.sleep(0.001)
                if isinstance(message, Done):
                    break
        assert len(sizes) < TOKENS / 2
        assert sum(sizes) == slow.session.cursors["g0"].seq - 1


async def test_a_long_log_is_sent_in_parts_that_a_slow_line_can_take(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(BODIES[0])
        await peer.until_done("g0")
    async with server.peer() as peer:
        await peer.send(Attach(id="g0"))
        parts = [message for message in await peer.until_done("g0") if isinstance(message, Token)]
        assert len(parts) == -(-len(peer.text("g0").encode()) // 16_384)
