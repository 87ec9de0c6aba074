"""Streams pass a proxy with default settings at once: a token arrives before the next one is computed."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.transports.listener import Listener
from tests.server.transports.nginx import nginx
from tests.server.transports.running import RunningServer

BODY = '{"type":"generate","id":"g1","prompt":"Hi","params":{"seed":3}}'


@pytest.fixture
async def proxied(server: RunningServer, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """The server behind nginx, with the model paused at its closed gate."""
    with nginx(server.port, tmp_path) as port:
        proxied = dataclasses.replace(server, port=port)
        assert (await proxied.ask("GET", "/healthz")).headers["server"].startswith("nginx")
        server.model.gate.close()
        yield proxied


async def assert_one_by_one(server: RunningServer, listener: Listener) -> None:
    """Check that each token arrives before the test lets the model compute the next."""
    for _ in range(3):
        await server.held()
        server.model.gate.step(8)  # a character takes up to four steps, and the prompt its own
        await listener.take("token")
    assert server.registry.active
    server.model.gate.open()
    await listener.take("done")


async def test_a_channel_of_events(proxied: RunningServer) -> None:
    async with proxied.listen("GET", "/channel") as listener:
        name = (await listener.take("welcome")).message["connection"]
        assert (await proxied.ask("POST", f"/channel/{name}", BODY)).status == 204
        await assert_one_by_one(proxied, listener)


async def test_a_stream_of_one_answer(proxied: RunningServer) -> None:
    async with proxied.listen("POST", "/generate/stream", BODY) as listener:
        await assert_one_by_one(proxied, listener)


async def test_the_events_of_one_generation(proxied: RunningServer) -> None:
    assert (await proxied.ask("POST", "/generations", BODY)).status == 201
    async with proxied.listen("GET", "/generations/g1/events") as listener:
        await assert_one_by_one(proxied, listener)


async def test_a_polled_channel(proxied: RunningServer) -> None:
    welcome = json.loads((await proxied.ask("POST", "/channel", BODY)).body)
    await assert_polled_one_by_one(proxied, f"/channel/{welcome['connection']}/poll")


async def test_the_polls_of_one_generation(proxied: RunningServer) -> None:
    assert (await proxied.ask("POST", "/generations", BODY)).status == 201
    await assert_polled_one_by_one(proxied, "/generations/g1/poll?after={}")


async def assert_polled_one_by_one(server: RunningServer, path: str) -> None:
    after = 0
    for _ in range(3):
        await server.held()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(next_token(server, path, after), name="poll")
            server.model.gate.step(8)
        assert waiting.result()["seq"] > after
        after = waiting.result()["seq"]
    assert server.registry.active


async def next_token(server: RunningServer, path: str, after: int) -> dict[str, Any]:
    """Poll until a token after ``after`` arrives."""
    while True:
        answer = await server.ask("GET", path.format(after))
        assert answer.status == 200
        for line in answer.body.splitlines():
            message: dict[str, Any] = json.loads(line)
            if message["type"] == "token":
                return message


async def test_a_client_that_leaves_the_proxy_leaves_the_server(proxied: RunningServer) -> None:
    async with proxied.listen("POST", "/generate/stream", BODY) as listener:
        await listener.take("accepted")
    await proxied.until(lambda: not proxied.registry.active)
