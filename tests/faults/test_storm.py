"""All clients of a busy server lose their connections at the same moment and reconnect: nothing is computed twice, and
no client misses a character."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from protocol.cursor import Cursor
from protocol.messages import (
    Attach,
    Attached,
    Done,
    DoneReason,
    Error,
    Generate,
    Params,
    ServerMessage,
    Snapshot,
    Token,
    Welcome,
)
from tests.faults.lives import Life, living
from tests.faults.scale import DEADLINE, SOAK, scaled
from tests.server.repeatable import program
from tests.server.transports.peer import Peer

GENERATIONS = 20
CLIENTS = scaled(5, 25)
"""Number of clients of each generation."""
TOKENS = scaled(300, 1500)
MIDDLE = 100
"""Number of characters that each client has read when the connections are cut."""
END: Final = "2"
"""End token of the starter model. A bias against it gives each answer all its ``TOKENS``."""
RESUMED_WITHIN = 3.0
FILES = 4 * GENERATIONS * CLIENTS + 256
"""Limit of open files, here and in the server: a cut socket may still be closing when the next one is open."""


class Client:
    """One reader of one generation; owns its socket and its cursor.

    ``far`` is set in the middle of the answer. ``attached``: the message that the second socket got. ``resumed_at``:
    time of the first event after it. ``ends``: every `done` of both sockets.
    """

    def __init__(self, body: Generate, port: int) -> None:
        self.body = body
        self.id = str(body.id)
        self.far = asyncio.Event()
        self.resumed_at = 0.0
        self.attached: Attached | None = None
        self.ends: list[Done] = []
        self._cursors: dict[str, Cursor] = {}
        self._url = f"ws://127.0.0.1:{port}/ws"
        self._peer: Peer | None = None

    @property
    def text(self) -> str:
        return self._cursors[self.id].text

    @property
    def peer(self) -> Peer:
        assert self._peer is not None
        return self._peer

    async def open(self) -> None:
        """Open a socket and read `welcome`."""
        socket = await connect(self._url, proxy=None, compression=None, ping_interval=None, open_timeout=DEADLINE)
        self._peer = Peer(socket, self._cursors)
        await self.peer.take(Welcome)

    async def follow(self) -> None:
        """Read until the connection is cut, then reconnect at once and read from the cursor to the end."""
        await self.peer.send(self.body)
        try:
            await self._read()
        except ConnectionClosed:
            await self._resume()
        assert await self.peer.settle() == []
        await self.peer.socket.close()

    async def _resume(self) -> None:
        await self.open()
        cursor = self._cursors[self.id]
        await self.peer.send(Attach(id=self.id, epoch=cursor.epoch, after=cursor.seq))
        self.attached = await self.peer.take(Attached, id=self.id)
        while not isinstance(message := await self.peer.next(), Token | Snapshot | Done):
            self._note(message)
        self.resumed_at = time.monotonic()
        self._note(message)
        await self._read()

    async def _read(self) -> None:
        while not self.ends:
            self._note(await self.peer.next())

    def _note(self, message: ServerMessage) -> None:
        assert not isinstance(message, Error), message
        if isinstance(message, Done):
            self.ends.append(message)
        if self.id in self._cursors and self._cursors[self.id].chars >= MIDDLE:
            self.far.set()


def crowd(port: int) -> list[Client]:
    """Start all clients. Those of one generation send the same request, and so get the same generation."""
    params = Params(max_tokens=TOKENS, logit_bias={END: -100.0})
    bodies = [
        Generate(id=f"s{n}", prompt=f"{n} stories about the sea:", raw=True, on_detach_ms=None, params=params)
        for n in range(GENERATIONS)
    ]
    return [Client(body, port) for body in bodies for _ in range(CLIENTS)]


async def storm(clients: list[Client], life: Life, slow_file: Path) -> tuple[float, dict[str, Any]]:
    """Cut all connections in the middle of all answers, and wait for the ends.

    The model is slow until the cut, so that no answer ends before all clients are in its middle. Returns the seconds
    from the cut until all clients had resumed, and the engine's count at the cut.
    """
    async with asyncio.TaskGroup() as opening:
        for client in clients:
            opening.create_task(client.open(), name=f"{client.id}: open")
    async with asyncio.TaskGroup() as following:
        for client in clients:
            following.create_task(client.follow(), name=f"{client.id}: follow")
        for client in clients:
            await client.far.wait()
        before = (await life.health())["engine"]
        assert not any(client.ends for client in clients)
        cut = time.monotonic()
        for client in clients:
            client.peer.vanish()
        slow_file.unlink()
    return max(client.resumed_at for client in clients) - cut, before


def check_whole(clients: list[Client]) -> Done:
    """Check that all clients of one generation got the same `done` and the same text."""
    ends = [end for client in clients for end in client.ends]
    assert ends == [ends[0]] * len(clients)
    assert all(client.attached and client.attached.recovered and client.attached.from_ for client in clients)
    assert {sha256(client.text.encode()).hexdigest() for client in clients} == {ends[0].sha256}
    assert ends[0].reason is DoneReason.LENGTH  # so that no end token, which `usage` leaves out, was computed
    return ends[0]


@pytest.fixture(autouse=True)
def enough_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, FILES)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_all_come_back_at_once_and_nothing_is_computed_twice(tmp_path: Path) -> None:
    slow_file = tmp_path / "slow"
    slow_file.touch()
    serve = (*program(slow_file)[1:], "serve", "--port=0", f"--data={tmp_path}", f"--parallel={GENERATIONS}")
    async with asyncio.timeout(DEADLINE), living(*serve) as life:
        first = (await life.health())["engine"]
        clients = crowd(life.port)
        seconds, before = await storm(clients, life, slow_file)
        last = (await life.health())["engine"]
    ends = [check_whole(clients[at : at + CLIENTS]) for at in range(0, len(clients), CLIENTS)]
    print(f"{len(clients)} clients resumed in {seconds:.2f} s")
    assert before["running"] == GENERATIONS
    assert last["running"] == last["queued"] == 0
    computed = last["completion_tokens"] - first["completion_tokens"]
    assert computed == sum(end.usage.completion_tokens for end in ends) == GENERATIONS * TOKENS
    assert last["prompt_tokens"] == before["prompt_tokens"] > first["prompt_tokens"]
    assert seconds < RESUMED_WITHIN or not SOAK
