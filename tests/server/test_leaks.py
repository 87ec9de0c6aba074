"""Two hundred answers, stopped at random moments, leave nothing behind."""

import asyncio
import random
import threading
import time

import psutil

from protocol.messages import Accepted, Cancel, DoneReason, Generate, Params
from server.engine.llama import LlamaModel
from server.engine.worker import BatchingEngine
from server.generations.ownership import LOCAL
from server.generations.retention import Retention
from server.starter import MODEL_PATH
from server.writers.local import local_writer
from tests.server.generations.starting import StartingRegistry as Registry
from tests.server.transports.peer import DEADLINE, Peer
from tests.server.transports.running import RunningServer

ROUNDS = 200
WARM_UP = 20
GROWTH = 32 * 2**20
"""Allowed memory growth after the warm-up, in bytes: the logs, which are kept for ten minutes, and chance."""


def memory() -> int:
    return int(psutil.Process().memory_info().rss)


def threads() -> set[threading.Thread]:
    """Return all threads except those of asyncio's pool, which stay for reuse."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}


async def round_on_the_socket(server: RunningServer, peer: Peer, chance: random.Random, id: str) -> None:
    """Start one or two answers, let the model compute a random number of steps, cancel."""
    gate = server.model.gate
    gate.close()
    ids = [f"{id}-{n}" for n in range(chance.choice((1, 1, 2)))]
    prompt = "x" * chance.choice((2, 200, 1500))
    bodies = [Generate(id=id, prompt=prompt, params=Params(seed=chance.randrange(100))) for id in ids]
    cancel = Cancel(all=True)
    if chance.random() < 0.2:  # all in one frame
        await peer.send(*bodies, cancel)
    else:
        await peer.send(*bodies)
        await peer.take(Accepted, id=ids[-1])
        gate.step(chance.randrange(20))
        if chance.random() < 0.5:
            await server.held()
        await peer.send(cancel)
    for id in ids:
        await peer.until_done(id)
    assert await peer.errors() == []


async def test_over_a_real_socket(server: RunningServer) -> None:
    chance = random.Random(2)
    async with server.peer() as peer:
        for n in range(WARM_UP):
            await round_on_the_socket(server, peer, chance, f"warm{n}")
        tasks, before, used = asyncio.all_tasks(), threads(), memory()
        for n in range(ROUNDS):
            await round_on_the_socket(server, peer, chance, f"g{n}")
        assert memory() - used < GROWTH
        await server.until(lambda: asyncio.all_tasks() <= tasks)
        assert threads() == before
        stats = server.engine.stats()
        assert (stats.alive, stats.running, stats.queued, stats.kv_tokens) == (True, 0, 0, 0)
        assert server.model.held_tokens == stats.kept_tokens
        assert server.registry.active == []
        watched = [generation for generation in server.registry._generations.values() if generation.watchers]
        assert watched == []
        reasons = {cursor.done.reason for cursor in peer.session.cursors.values() if cursor.done}
        assert reasons == {DoneReason.CANCELLED}
    server.model.gate.open()


async def test_over_two_hundred_sockets_that_vanish(server: RunningServer) -> None:
    chance = random.Random(3)
    server.model.gate.close()

    async def come_and_go(id: str) -> None:
        async with server.peer() as peer:
            await peer.send(Generate(id=id, prompt="Hi", on_detach_ms=0))
            if chance.random() < 0.7:
                await peer.take(Accepted)
                server.model.gate.step(chance.randrange(10))
            peer.vanish()

    def sockets() -> int:
        return len(server.connections) + len(server.registry.active)

    for n in range(WARM_UP):
        await come_and_go(f"warm{n}")
    await server.until(lambda: sockets() == 0)
    tasks, before, used = asyncio.all_tasks(), threads(), memory()
    for n in range(ROUNDS):
        await come_and_go(f"g{n}")
    await server.until(lambda: sockets() == 0)
    await server.until(lambda: asyncio.all_tasks() <= tasks)
    assert memory() - used < GROWTH
    assert threads() == before
    stats = server.engine.stats()
    assert (stats.running, stats.kv_tokens, server.model.held_tokens) == (0, 0, stats.kept_tokens)
    assert not [generation for generation in server.registry._generations.values() if generation.watchers]


async def test_on_the_starter_model() -> None:
    chance = random.Random(4)
    before = threads()
    model = LlamaModel(MODEL_PATH, context=512, parallel=2)
    engine = BatchingEngine(model)
    never_ending = Params(logit_bias={str(n): -100.0 for n in range(model.facts.vocabulary) if model.is_end(n)})
    registry = Registry(local_writer(engine), retention=Retention(least=0, most=0))
    running = asyncio.get_running_loop().create_task(registry.run(), name="registry")
    reasons: list[DoneReason] = []

    async def one_round() -> None:
        prompts = ["Tell me a story. " * chance.choice((1, 20)) for _ in range(chance.choice((1, 2)))]
        bodies = [Generate(prompt=prompt, params=never_ending) for prompt in prompts]
        generations = [(await registry.start(body, time.monotonic(), principal=LOCAL))[0] for body in bodies]
        news, pieces = asyncio.Event(), chance.randrange(8)
        for generation in generations:
            generation.watch(news.set)
        async with asyncio.timeout(DEADLINE):
            while generations[0].log.pieces < pieces and not generations[0].log.done:
                await news.wait()
                news.clear()
            for generation in generations:
                if not generation.log.done:
                    registry.cancel(generation.id, time.monotonic(), principal=LOCAL)
            while not all(generation.log.done for generation in generations):
                await news.wait()
                news.clear()
        for generation in generations:
            generation.unwatch(news.set)
        reasons.extend(generation.log.done.reason for generation in generations if generation.log.done)

    try:
        for _ in range(WARM_UP):
            await one_round()
        tasks, inside, used = asyncio.all_tasks(), threads(), memory()
        for _ in range(ROUNDS):
            await one_round()
        assert memory() - used < GROWTH
        assert asyncio.all_tasks() == tasks
        assert threads() == inside
        stats = engine.stats()
        assert (stats.alive, stats.running, stats.queued, stats.kv_tokens) == (True, 0, 0, 0)
        assert registry.active == []
        assert reasons.count(DoneReason.CANCELLED) > len(reasons) // 2
    finally:
        running.cancel()
        await registry.close()
        await asyncio.wait([running])
    assert threads() == before
