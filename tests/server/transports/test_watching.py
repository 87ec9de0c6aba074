"""Reading one log from several sockets, and sockets that disconnect, with or without a close frame."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import pytest

from protocol.errors import CloseCode, ErrorCode
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    AttachPoint,
    Cancel,
    Detach,
    Done,
    DoneReason,
    Error,
    Generate,
    Hello,
    Params,
    Ping,
    Pong,
    Snapshot,
    Token,
)
from server.generations.ownership import LOCAL
from server.transports import connection
from server.transports.connection import OUTBOX_LIMIT
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer

G1 = Generate(id="g1", prompt="Hi", params=Params(seed=3))


async def begin(server: RunningServer, peer: Peer, body: Generate = G1) -> None:
    """Start ``body`` and pause it in the middle of its answer, up to where ``peer`` has read."""
    id = str(body.id)
    server.model.gate.close()
    await peer.send(body)
    await peer.take(Accepted, id=id)
    server.model.gate.step(12)
    await server.held()
    await peer.read_up_to(id, server.registry.get(id, re="attach", principal=LOCAL).log.seq)
    assert peer.text(id)


def tasks_of(server: RunningServer) -> set[str]:
    """Return the names of the tasks that serve sockets."""
    return {task.get_name() for task in asyncio.all_tasks()} & {"receive", "carry out", "send"}


def threads() -> set[threading.Thread]:
    """Return all threads except those of asyncio's pool, which stay for reuse."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}


async def test_a_second_socket_continues_from_the_cursor_of_the_first(server: RunningServer) -> None:
    async with server.peer() as first:
        await begin(server, first)
        cursors = first.session.cursors
        cursor = cursors["g1"]
        assert cursor.seq > 0
    async with server.peer(cursors=cursors) as second:
        after = cursor.seq
        await second.send(Attach(id="g1", epoch=cursor.epoch, after=after))
        attached = await second.take(Attached, id="g1")
        assert (attached.recovered, attached.from_, attached.epoch) == (True, after, cursor.epoch)
        assert attached.to >= after
        server.model.gate.open()
        rest = await second.until_done("g1")  # the cursor checks numbers, count and sha256
    tokens = [message for message in rest if isinstance(message, Token)]
    assert tokens[0].seq - tokens[0].n == after
    assert not [message for message in rest if isinstance(message, Snapshot)]


async def test_two_sockets_read_the_same(server: RunningServer) -> None:
    async with server.peer() as first, server.peer() as second:
        await begin(server, first)
        await second.send(Attach(id="g1"))
        assert (await second.take(Attached)).from_ == 0
        server.model.gate.open()
        ends = [(await peer.until_done("g1"))[-1] for peer in (first, second)]
        assert ends[0] == ends[1]
        assert first.text("g1") == second.text("g1") != ""


@pytest.mark.parametrize("point", ["the epoch is another", "the cursor lies ahead"])
async def test_a_cursor_that_is_not_of_this_log_gets_a_snapshot(server: RunningServer, point: str) -> None:
    async with server.peer() as first, server.peer() as second:
        await begin(server, first)
        seen = first.text("g1")
        ask = '"epoch":"another"' if point == "the epoch is another" else '"after":99'
        await second.send(f'{{"type":"attach","id":"g1",{ask}}}')
        attached = await second.take(Attached)
        assert (attached.recovered, attached.from_) == (False, 0)
        snapshot = await second.take(Snapshot)
        assert (snapshot.text, snapshot.epoch) == (seen, attached.epoch)
        assert snapshot.seq == attached.to
        server.model.gate.open()
        await second.until_done("g1")


async def test_a_finished_log_can_still_be_read(server: RunningServer) -> None:
    async with server.peer() as first:
        await first.send(G1)
        done = (await first.until_done("g1"))[-1]
        text = first.text("g1")
    async with server.peer() as second:
        await second.send(Attach(id="g1"))
        assert (await second.until_done("g1"))[-1] == done
        assert second.text("g1") == text
        await second.send(Attach(id="g1", after=second.session.cursors["g1"].seq))
        assert (await second.until_done("g1"))[-1] == done


async def test_hello_attaches_and_tells_what_it_could_not(server: RunningServer) -> None:
    async with server.peer() as first, server.peer() as second:
        await begin(server, first)
        await second.send(Hello(attach=(AttachPoint(id="nobody"), AttachPoint(id="g1")), client="test"))
        error = await second.take(Error)
        assert (error.code, error.re, error.id) == (ErrorCode.UNKNOWN_ID, "hello", "nobody")
        await second.take(Attached, id="g1")


async def test_a_second_hello_is_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Hello())
        await peer.send('{"type":"hello"}')
        (error,) = await peer.errors()
    assert (error.code, error.re) == (ErrorCode.UNEXPECTED_MESSAGE, "hello")


async def test_the_same_id_and_body_attaches(server: RunningServer) -> None:
    async with server.peer() as first, server.peer() as second:
        await begin(server, first)
        await second.send(G1)
        attached = await second.take(Attached, id="g1")
        assert (attached.recovered, attached.from_) == (True, 0)
        server.model.gate.open()
        await second.until_done("g1")
        await first.until_done("g1")
        assert second.text("g1") == first.text("g1")


async def test_the_same_id_and_another_body_is_a_conflict(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await peer.send(Generate(id="g1", prompt="Something else"))
        (error,) = await peer.errors()
        assert (error.code, error.re, error.id) == (ErrorCode.ID_CONFLICT, "generate", "g1")
        assert error.message.startswith("id:")
        server.model.gate.open()
        await peer.until_done("g1")


async def test_detach_leaves_it_running_and_sends_nothing_more_of_it(server: RunningServer) -> None:
    async with server.peer() as first, server.peer() as second:
        await begin(server, first)
        await second.send(Attach(id="g1"))
        await second.take(Attached)
        await first.send(Detach(id="g1"))
        await first.settle()
        server.model.gate.open()
        done = (await second.until_done("g1"))[-1]
        assert isinstance(done, Done)
        assert done.reason is DoneReason.STOP
        assert await first.settle() == []


async def test_after_detach_it_is_not_the_newest_any_more(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await peer.send(Detach(id="g1"))
        await peer.send(Cancel())
        (error,) = await peer.errors()
    assert error.code == ErrorCode.NOTHING_TO_CANCEL


@pytest.mark.parametrize("how", ["closes", "vanishes"])
async def test_a_socket_that_goes_leaves_nothing_behind_and_cancels_nothing(server: RunningServer, how: str) -> None:
    before = threads()
    async with server.peer() as peer:
        assert tasks_of(server) == {"receive", "carry out", "send"}
        await begin(server, peer)
        generation = server.registry.get("g1", re="attach", principal=LOCAL)
        assert len(generation.watchers) == 1
        if how == "closes":
            await peer.socket.close()
        else:
            peer.vanish()
        await server.until(lambda: len(server.connections) == 0)
    assert not tasks_of(server)
    assert generation.watchers == []
    assert threads() == before
    assert generation.log.done is None
    server.model.gate.open()
    await server.until(lambda: generation.log.done is not None)
    assert generation.log.done is not None
    assert generation.log.done.reason is DoneReason.STOP


async def test_on_detach_ms_0_makes_it_a_cancel(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer, Generate(id="g1", prompt="Hi", on_detach_ms=0))
        generation = server.registry.get("g1", re="attach", principal=LOCAL)
        peer.vanish()
        await server.until(lambda: generation.log.done is not None)
    assert generation.log.done is not None
    assert generation.log.done.reason is DoneReason.CANCELLED


async def test_the_third_unparseable_frame_in_a_row_closes_with_4400(server: RunningServer) -> None:
    async with server.peer() as first, server.peer() as second:
        await begin(server, first)
        await second.send(Attach(id="g1"))
        await second.take(Attached)
        for frame in ("hello", "", '{"type":"ping"}', b"\x00", "[1]", "{"):
            await first.send(frame)
        codes = [(await first.take(Error)).code for _ in range(4)]
        assert codes == [ErrorCode.BAD_JSON, ErrorCode.BAD_FRAME, ErrorCode.BAD_JSON, ErrorCode.BAD_JSON]
        assert await first.closed() == CloseCode.BAD_FRAMES
        server.model.gate.open()
        await second.until_done("g1")


async def test_a_burst_from_a_client_that_reads_is_no_flood(server: RunningServer) -> None:
    pings = "\n".join(['{"type":"ping"}'] * 200)
    frames = OUTBOX_LIMIT // 200 + 5
    async with server.peer() as peer:
        for _ in range(frames):
            await peer.send(pings)
        for _ in range(frames * 200):
            await peer.take(Pong)


@contextlib.asynccontextmanager
async def flooding(server: RunningServer) -> AsyncIterator[Peer]:
    """A client that sends endlessly and never reads, until the server closes."""
    async with server.peer(max_queue=1) as flooder:
        pings = [Ping(nonce="x" * 128)] * 250
        received = {task for task in asyncio.all_tasks() if task.get_name() == "receive"}

        async def flood() -> None:
            while True:
                await flooder.send(*pings)

        sending = asyncio.get_running_loop().create_task(flood(), name="flood")
        try:
            await server.until(lambda: any(task.done() for task in received))
            sending.cancel()
            await asyncio.wait([sending])
            yield flooder
        finally:
            sending.cancel()
            flooder.vanish()  # a proper close would wait for the server to read


async def test_a_client_that_floods_and_never_reads_ends_with_4508_while_another_continues(
    server: RunningServer,
) -> None:
    async with server.peer() as reader:
        await begin(server, reader)
        async with flooding(server) as flooder:
            server.model.gate.open()
            await reader.until_done("g1")
            assert await flooder.closed() == CloseCode.SLOW_READER


async def test_client_that_ignores_the_close_leaves_no_task(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.01)
    async with flooding(server):
        await server.until(lambda: len(server.connections) == 0)
        assert not tasks_of(server)
