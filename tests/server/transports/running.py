"""The real server for tests: uvicorn on a free loopback port, over the scripted model, in the test's loop."""

from __future__ import annotations

import asyncio
import contextlib
import http.client as http_client
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect

from protocol.conformance.http import HttpExchange, fetch, send
from protocol.conformance.http import HttpResponse as Reply
from protocol.cursor import Cursor
from protocol.messages import Welcome
from server.__main__ import _listen as listen
from server.app import create_app
from server.conversations.service import Conversations
from server.conversations.store import Store
from server.engine.options import EngineOptions
from server.engine.worker import BatchingEngine
from server.generations.journal import Journal
from server.generations.places import QUEUE_LIMIT
from server.generations.registry import Registry
from server.generations.restoring import OnRestart
from server.guard.deadlines import PunctualProtocol
from server.guard.guard import Guard
from server.models.local_models import LocalModels
from server.serving import configuration
from server.transports.connections import Connections
from server.writers.local import local_writer
from server.writers.model_writers import ModelWriters
from server.writers.writer_port import Writer
from tests.accepted import all_accepted
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.listener import Listener
from tests.server.transports.peer import DEADLINE, Peer
from tests.server.writers.model_disk import ModelDisk


@dataclass(frozen=True)
class Answer:
    """Response to an HTTP request."""

    status: int
    headers: dict[str, str]
    body: str
    content: bytes = b""
    """The body, unparsed."""


@dataclass(frozen=True)
class RunningServer:
    """A server that listens on ``port``, with all of its parts."""

    port: int
    model: ScriptedModel
    engine: BatchingEngine
    registry: Registry
    connections: Connections
    conversations: Conversations
    guard: Guard

    @contextlib.asynccontextmanager
    async def socket(self, query: str = "", **options: Any) -> AsyncIterator[ClientConnection]:
        """Open a bare WebSocket; ``options`` are those of ``websockets.connect``."""
        settings = {"proxy": None, "compression": None, "ping_interval": None, "open_timeout": DEADLINE, **options}
        async with connect(f"ws://127.0.0.1:{self.port}/ws{query}", **settings) as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def peer(
        self, query: str = "", *, cursors: dict[str, Cursor] | None = None, **options: Any
    ) -> AsyncIterator[Peer]:
        """Connect a client and read its `welcome`."""
        async with self.socket(query, **options) as connection:
            peer = Peer(connection, cursors)
            await peer.take(Welcome)
            yield peer

    async def get(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
        """Send one GET request; ``path`` is sent unchanged."""
        return await asyncio.to_thread(self._get, path, method, headers or {})

    def _get(self, path: str, method: str, sent: dict[str, str]) -> Answer:
        connection = http_client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.request(method, path, headers=sent)
            response: HTTPResponse = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            content = response.read()
            return Answer(response.status, headers, content.decode(errors="replace"), content)

    async def ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Send one request with a JSON body, and return the whole response."""
        async with asyncio.timeout(DEADLINE):
            return await fetch(method, self.url(path), None if body is None else body.encode(), headers)

    @contextlib.asynccontextmanager
    async def listen(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> AsyncIterator[Listener]:
        """Send a request whose response is read as it arrives; the end of the block disconnects."""
        exchange = await send(method, self.url(path), None if body is None else body.encode(), headers)
        try:
            async with asyncio.timeout(DEADLINE):
                await exchange.begin()
            yield Listener(exchange)
        finally:
            exchange.abort()

    @contextlib.asynccontextmanager
    async def listen_for(self, path: str, method: str = "GET", body: str | None = None) -> AsyncIterator[HttpExchange]:
        """Send a request without waiting for the response; the end of the block disconnects."""
        exchange = await send(method, self.url(path), None if body is None else body.encode())
        try:
            yield exchange
        finally:
            exchange.abort()

    async def waits_in(self, name: str) -> None:
        """Return once a task runs the coroutine with this qualified name."""
        await self.until(lambda: any(name == getattr(t.get_coro(), "__qualname__", "") for t in asyncio.all_tasks()))

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def held(self) -> None:
        """Return once the model waits before its closed gate, and the logs hold all that it has written."""
        await asyncio.to_thread(self.model.gate.wait_until_held, DEADLINE)
        await self.registry.caught_up()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once ``condition`` is true; checks it on every turn of the loop."""
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0.001)


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """Yield a port that refuses every connection. A port that was closed could be another program's by then."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


class _Server(uvicorn.Server):
    """uvicorn without its ticks and signals: it ends as soon as ``ending`` is set."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self.ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await all_accepted()
        await super().shutdown(sockets)


@contextlib.asynccontextmanager
async def serving(
    model: ScriptedModel,
    data: Path | None = None,
    on_restart: OnRestart = OnRestart.CONTINUE,
    queue_limit: int = QUEUE_LIMIT,
    guard: Guard | None = None,
    active_limit: int | None = None,
    http: type[PunctualProtocol] = PunctualProtocol,
    root_path: str = "",
    others: Sequence[ScriptedModel] = (),
    local_models: LocalModels | None = None,
    disk: ModelDisk | None = None,
    draft_ahead: bool = True,
    options: EngineOptions | None = None,
    writer: Writer | None = None,
) -> AsyncIterator[RunningServer]:
    """Run a server over ``model``, the default one, and ``others``.

    ``data``: its folder, if that must outlive the server. ``disk``: models that it may load. ``writer``: in place of
    the one over the models, which then write nothing.
    """
    with contextlib.ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        engine = BatchingEngine(model, options)
        journal, store = Journal(folder), Store(folder)
        writer = writer or _writer(engine, others, disk, draft_ahead)
        app = create_app(
            writer, journal, on_restart, queue_limit, guard, active_limit, store, root_path, None, local_models
        )
        async with _serving(model, engine, app, http) as server:
            try:
                yield server
            finally:
                for other in (*others, *(disk.loaded if disk else ())):
                    other.gate.open()


def _writer(
    engine: BatchingEngine, others: Sequence[ScriptedModel], disk: ModelDisk | None, draft_ahead: bool
) -> Writer:
    default = local_writer(engine)
    if not others and disk is None and draft_ahead:
        return default
    writers = [(writer, None) for writer in (default, *(local_writer(BatchingEngine(model)) for model in others))]
    if disk is None:
        return ModelWriters(writers, reads_ahead=draft_ahead)
    return ModelWriters(writers, sources=disk.sources, load=disk.load, memory=disk.memory)


@contextlib.asynccontextmanager
async def _serving(
    model: ScriptedModel, engine: BatchingEngine, app: Starlette, http: type[PunctualProtocol]
) -> AsyncIterator[RunningServer]:
    server = _Server(configuration(app, http))
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    task = asyncio.get_running_loop().create_task(server.serve([listener]), name="uvicorn")
    try:
        async with asyncio.timeout(DEADLINE):
            await server.ready.wait()
        state = app.state
        yield RunningServer(port, model, engine, state.registry, state.connections, state.conversations, state.guard)
    finally:
        model.gate.open()
        server.ending.set()
        await task
