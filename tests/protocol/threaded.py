"""The real server in its own thread, for clients that block."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving
from tests.server.writers.model_disk import ModelDisk


@contextlib.contextmanager
def serving_in_a_thread(model: ScriptedModel, disk: ModelDisk | None = None) -> Iterator[RunningServer]:
    ready, started = threading.Event(), []

    async def serve() -> None:
        async with serving(model, disk=disk) as server:
            ending = asyncio.Event()
            started.append((server, asyncio.get_running_loop(), ending))
            ready.set()
            await ending.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="server")
    thread.start()
    try:
        assert ready.wait(DEADLINE)
        yield started[0][0]
    finally:
        started[0][1].call_soon_threadsafe(started[0][2].set)
        thread.join()
