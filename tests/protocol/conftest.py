"""A server, and the Python client connected to it."""

from collections.abc import AsyncIterator

import pytest

from protocol.client import Chat, connect
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with serving(ScriptedModel()) as server:
        yield server


@pytest.fixture
async def chat(server: RunningServer) -> AsyncIterator[Chat]:
    async with connect(f"ws://127.0.0.1:{server.port}/ws") as chat:
        yield chat
