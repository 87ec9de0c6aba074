"""Many readers that stop reading, beside as many that continue: the former are disconnected, the latter unaffected.

PROTOCOL 7 describes one slow reader. This tests the size that matters: memory, and the pace of all other readers.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from protocol.cursor import Cursor
from protocol.errors import CloseCode
from protocol.messages import Accepted, Attach, Attached, Done, Generate, Params, Token, Welcome
from tests.faults.lives import Life, living
from tests.faults.long_pieces import PIECE_BYTES
from tests.faults.scale import DEADLINE, SOAK, scaled
from tests.server.transports.peer import Peer

READERS = scaled(20, 100)
"""Number of readers of each kind."""

TOKENS = 600
STEP_SECONDS = 0.04 if SOAK else 0.005
LATE = TOKENS * 3 // 4
"""Piece at which stalled readers read again. They were disconnected earlier, and the close frame still waits for
them."""

GROWTH_BYTES = 64 << 20
LOST = 1006
"""Close code that a client sees if its connection ended before the close frame arrived."""


class Server:
    """The server's process, and its highest memory use seen. Owned by one test."""

    def __init__(self, life: Life) -> None:
        self.port = life.port
        self._process = psutil.Process(life.process.pid)
        self.first = self.most = self._resident()

    def look(self) -> None:
        """Measure the memory use now."""
        self.most = max(self.most, self._resident())

    def _resident(self) -> int:
        return int(self._process.memory_info().rss)

    @contextlib.asynccontextmanager
    async def peer(
        self, cursors: dict[str, Cursor] | None = None, receive_bytes: int | None = None
    ) -> AsyncIterator[Peer]:
        """Connect a client and read `welcome`. ``receive_bytes``: its receive buffer while it doesn't read."""
        options: dict[str, Any] = {"proxy": None, "compression": None, "ping_interval": None, "close_timeout": 0.1}
        if receive_bytes is not None:
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            plain.setblocking(False)
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self.port))
            options |= {"sock": plain, "max_queue": 1}
        async with connect(f"ws://127.0.0.1:{self.port}/ws", open_timeout=DEADLINE, **options) as connection:
            peer = Peer(connection, cursors)
            await peer.take(Welcome)
            yield peer
            peer.vanish()


class Crowd:
    """Owns one generation, and what its readers received: gaps between messages in seconds, texts, close codes."""

    def __init__(self, server: Server, id: str) -> None:
        self.id = id
        self.gaps: list[float] = []
        self.texts: set[str] = set()
        self.codes: list[int | None] = []
        self.late = asyncio.Event()
        self._server = server

    async def read(self, stalled: int) -> list[Cursor]:
        """Let READERS clients read everything and ``stalled`` others stop; return the cursors of the stalled ones after
        their disconnection."""
        async with contextlib.AsyncExitStack() as stack:
            healthy = [await stack.enter_async_context(self._server.peer()) for _ in range(READERS)]
            stopped = [await stack.enter_async_context(self._server.peer(None, 8192)) for _ in range(stalled)]
            body = Generate(id=self.id, prompt="Hi", params=Params(seed=7, max_tokens=TOKENS), on_detach_ms=None)
            await healthy[0].send(body)
            await healthy[0].take(Accepted, id=self.id)
            for peer in [*healthy[1:], *stopped]:
                await peer.send(Attach(id=self.id))
            async with asyncio.TaskGroup() as tasks:
                for number, peer in enumerate(healthy):
                    tasks.create_task(self._follow(peer, watches=number == 0), name=f"healthy {number}")
                ends = [tasks.create_task(self._stall(peer), name="stalled") for peer in stopped]
            return [end.result() for end in ends]

    async def come_back(self, cursor: Cursor) -> None:
        """Attach at a stalled reader's cursor, and read the rest."""
        async with self._server.peer({self.id: cursor}) as peer:
            await peer.send(Attach(id=self.id, epoch=cursor.epoch, after=cursor.seq))
            assert (await peer.take(Attached, id=self.id)).recovered
            await peer.until_done(self.id)
            self.texts.add(peer.text(self.id))

    async def _follow(self, peer: Peer, *, watches: bool) -> None:
        times = []
        while not isinstance(message := await peer.next(), Done):
            if isinstance(message, Token):
                times.append(time.perf_counter())
            if watches:
                self._server.look()
                if peer.session.cursors[self.id].seq >= LATE:
                    self.late.set()
        self.gaps += [after - before for before, after in pairwise(times)]
        self.texts.add(peer.text(self.id))  # the peer's cursor has compared it with done.sha256

    async def _stall(self, peer: Peer) -> Cursor:
        await peer.take(Attached, id=self.id)
        await self.late.wait()
        with contextlib.suppress(ConnectionClosed):
            while not isinstance(await peer.next(), Done):
                pass
        cursor = peer.session.cursors[self.id]
        assert cursor.done is None, "one that stalled was never let go, and got all of it"
        self.codes.append(peer.socket.close_code)
        return cursor


def p99(gaps: list[float]) -> float:
    return statistics.quantiles(gaps, n=100)[-1]


async def test_stalled_readers_are_closed_and_others_are_not_delayed(tmp_path: Path) -> None:
    serve = ("tests.faults.long_pieces", str(tmp_path), str(TOKENS), str(STEP_SECONDS))
    async with asyncio.timeout(DEADLINE), living(*serve) as life:
        server = Server(life)
        alone, among = Crowd(server, "alone"), Crowd(server, "among")
        assert await alone.read(stalled=0) == []
        left = await among.read(stalled=READERS)
        async with asyncio.TaskGroup() as returning:
            for cursor in left:
                returning.create_task(among.come_back(cursor), name="come back")
        server.look()
    assert len(left) == READERS
    assert set(among.codes) <= {CloseCode.SLOW_READER, LOST}
    assert [len(text) for text in among.texts | alone.texts] == [TOKENS * PIECE_BYTES]
    assert server.most - server.first < GROWTH_BYTES
    print(f"grew {(server.most - server.first) / 2**20:.1f} MiB, {among.codes.count(CloseCode.SLOW_READER)} saw 4508")
    print(f"p99 between messages: {p99(alone.gaps):.4f} s alone, {p99(among.gaps):.4f} s among those who stall")
    if SOAK:
        assert p99(among.gaps) < 2 * p99(alone.gaps)
