"""Connections that reset, stall, slice and throttle: each generation has one end, and no character is lost or
repeated."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from protocol.client import connect
from protocol.messages import Done, DoneReason, Generate, Params
from server.generations.ownership import LOCAL
from tests.conformance.serving import PacedModel
from tests.faults.follower import Channel, Follower
from tests.faults.proxy import Cut, Proxy, Weather, proxy_to
from tests.faults.scale import DEADLINE, scaled
from tests.protocol.clients import AT_ONCE, read
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_connection import answer_to

GENERATIONS = scaled(60, 1000)
AT_A_TIME = 12
SLOTS = 4


@pytest.fixture
async def server(no_errors_logged: None) -> AsyncIterator[RunningServer]:
    async with serving(PacedModel(slots=SLOTS)) as server:
        yield server


class Climate:
    """Owns the random numbers. Each new connection gets another fault, or none."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def weather(self) -> Weather:
        chance = self._chance
        kind = chance.choice(("fair", "slices", "throttle", "stall"))
        if kind == "slices":
            return Weather(slices=chance.choice((1, 3, 40)))
        if kind == "throttle":
            return Weather(slices=64, rate=40_000)
        if kind == "stall":
            return Weather(stall=0.1, stall_after=chance.randrange(2000))
        return Weather()

    def cuts(self) -> list[Cut]:
        """Return the cuts of a generation's connections; later connections have none."""
        chance = self._chance
        return [
            Cut(chance.randrange(1, 500), up=True, reset=chance.random() < 0.5)
            if chance.random() < 0.25
            else Cut(chance.randrange(1, 2500), reset=chance.random() < 0.5)
            for _ in range(chance.randrange(1, 5))
        ]


async def by_websocket(proxy: Proxy, climate: Climate, body: Generate) -> tuple[str, list[Done]]:
    async with connect(proxy.url, retry=AT_ONCE) as chat:
        proxy.weather, proxy.cuts = climate.weather, climate.cuts()
        proxy.cut()
        assert body.prompt is not None and isinstance(body.params, Params) and isinstance(body.params.seed, int)
        generation = chat.generate(body.prompt, id=body.id, raw=True, seed=body.params.seed)
        text, ends = await read(generation)
        assert text == generation.text
        return text, ends


async def by_channel(proxy: Proxy, climate: Climate, body: Generate, channel: Channel) -> tuple[str, list[Done]]:
    proxy.weather, proxy.cuts = climate.weather, climate.cuts()
    follower = Follower(channel, f"http://127.0.0.1:{proxy.port}", body)
    done = await follower.done()
    return follower.text, [done]


async def one(server: RunningServer, seed: int) -> None:
    climate = Climate(seed)
    body = Generate(id=f"g{seed}", prompt=f"Hi {seed}", raw=True, params=Params(seed=seed))
    async with proxy_to(server.port) as proxy:
        kind = seed % 3
        if kind == 0:
            text, ends = await by_websocket(proxy, climate, body)
        else:
            text, ends = await by_channel(proxy, climate, body, "sse" if kind == 1 else "poll")
    log = server.registry.get(f"g{seed}", re="test", principal=LOCAL).log
    assert ends == [log.done]
    assert text == log.text == answer_to(f"Hi {seed}", seed, 40)
    assert ends[0].reason is DoneReason.STOP


async def test_each_generation_has_one_end_and_all_of_its_text(server: RunningServer) -> None:
    turn = asyncio.Semaphore(AT_A_TIME)

    async def in_turn(seed: int) -> None:
        async with turn:
            await one(server, seed)

    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as tasks:
        for seed in range(GENERATIONS):
            tasks.create_task(in_turn(seed), name=f"generation {seed}")
    logs = [server.registry.get(f"g{seed}", re="test", principal=LOCAL).log for seed in range(GENERATIONS)]
    usages = [log.done.usage for log in logs if log.done]
    stats = server.engine.stats()
    assert len(usages) == GENERATIONS
    assert stats.completion_tokens == sum(usage.completion_tokens + 1 for usage in usages)  # its end is a token too
