"""The real server, and servers that break one rule each, each in its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from protocol.conformance.script import Transport
from server.engine.model import DecodeOutcome, Row
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.repeatable import program
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import serving

STEP_SECONDS = 0.0005

QUEUE_LIMIT = 32
"""Length of the queue. A client can fill it over any transport before the first answers end, also on slow machines."""

LOADING = "model-on-disk"
"""The case for a server that loads models. It is inconclusive on any other."""

DOWNLOADING = "model-downloading"
"""The case for a server that downloads a model. It is inconclusive on any other."""

SPECIAL = (LOADING, DOWNLOADING)
"""Cases that are inconclusive on a server with one model."""

URLS: dict[Transport, str] = {
    "websocket": "ws://127.0.0.1:{}/ws",
    "sse": "http+sse://127.0.0.1:{}/channel",
    "poll": "http+poll://127.0.0.1:{}/channel",
}


def url_of(transport: Transport, port: int) -> str:
    return URLS[transport].format(port)


class PacedModel(ScriptedModel):
    """A scripted model with a delay per step, as a real one has. Without it an answer ends before a test can stop
    it."""

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        time.sleep(STEP_SECONDS)
        return super().decode(rows)


@contextlib.contextmanager
def in_thread(server: Callable[[], AbstractAsyncContextManager[int]]) -> Iterator[int]:
    """Run a server in its own event loop for the duration of the block; yields its port."""
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        async with server() as port:
            ending = asyncio.Event()
            started.set_result((port, asyncio.get_running_loop(), ending))
            await ending.wait()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="server")
    thread.start()
    try:
        port, loop, ending = started.result(DEADLINE)
        try:
            yield port
        finally:
            loop.call_soon_threadsafe(ending.set)
    finally:
        thread.join()


@contextlib.contextmanager
def streamui_serve(data: Path) -> Iterator[int]:
    """Run ``streamui serve`` with the starter model, whose answers repeat, on a free port; yields the port."""
    command = [sys.executable, *program(), "serve", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            yield int(ready.rpartition(":")[2])
        finally:
            process.terminate()
            process.wait(DEADLINE)


@contextlib.asynccontextmanager
async def scripted_server() -> AsyncIterator[int]:
    async with serving(PacedModel(slots=2, answer_tokens=200), queue_limit=QUEUE_LIMIT) as server:
        yield server.port
