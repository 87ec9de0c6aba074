"""Connections that break anywhere, servers that stop, and every way to close: nothing is lost or repeated."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from protocol.client import DisconnectedError, RequestError, Retry
from protocol.errors import ErrorCode
from protocol.messages import Accepted, Attached, DoneReason, Steered
from server.generations.ownership import LOCAL
from tests.faults.proxy import Cut, Proxy, proxy_to
from tests.protocol.clients import AT_ONCE, Clock, client, read
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with serving(ScriptedModel(slots=2)) as server:
        yield server


@pytest.fixture
async def proxy(server: RunningServer) -> AsyncIterator[Proxy]:
    async with proxy_to(server.port) as proxy:
        yield proxy


def anywhere(chance: random.Random, up: int, down: int) -> Cut:
    """Return a cut at one of the first ``up`` bytes to the server or the first ``down`` bytes from it."""
    return Cut(chance.randrange(1, up), up=True) if chance.random() < 0.25 else Cut(chance.randrange(1, down))


async def three_answers_over_broken_lines(server: RunningServer, proxy: Proxy, seed: int) -> None:
    """Read three answers. The first connection breaks in the answers, later ones at any byte in either direction."""
    chance, lines = random.Random(seed), proxy.lines
    proxy.cuts = []
    async with client(proxy.url, AT_ONCE) as chat:
        proxy.cuts = [anywhere(chance, 700, 3000) for _ in range(chance.randrange(1, 12))]
        proxy.cut(anywhere(chance, 200, 1500))
        generations = [chat.generate("Hi" * chance.randrange(1, 90), seed=seed) for _ in range(3)]
        answers = await asyncio.gather(*(read(generation) for generation in generations))
    assert proxy.lines > lines + 1
    for generation, (text, ends) in zip(generations, answers, strict=True):
        log = server.registry.get(generation.id, re="test", principal=LOCAL).log
        assert text == generation.text == log.text != ""
        assert ends == [log.done]


@pytest.mark.parametrize("first", range(0, 100, 20))
async def test_a_line_that_breaks_anywhere(server: RunningServer, proxy: Proxy, first: int) -> None:
    for seed in range(first, first + 20):
        await three_answers_over_broken_lines(server, proxy, seed)


@pytest.fixture
def received(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The instructions that the server has given to the engine, in order; also those that it has skipped."""
    contents: list[str] = []
    steer = server.registry.steer

    async def noted(id: str, content: str, *key: str | None, principal: str) -> asyncio.Future[Steered]:
        try:
            return await steer(id, content, *key, principal=principal)
        finally:
            contents.append(content)

    monkeypatch.setattr(server.registry, "steer", noted)
    return contents


@pytest.mark.parametrize("arrives", [True, False])
async def test_an_instruction_without_its_event_is_sent_again_and_read_once(
    server: RunningServer, proxy: Proxy, received: list[str], arrives: bool
) -> None:
    """The connection ends before the model has read the instruction: the server has received it, or has not."""
    server.model.gate.close()
    async with client(proxy.url, AT_ONCE) as chat:
        generation = chat.generate("Hi", seed=3)
        server.model.gate.step(4)
        await server.held()
        if not arrives:
            proxy.cut(Cut(1, up=True))
        asking = [asyncio.ensure_future(generation.steer(content)) for content in ("shorter", "in French", "shorter")]
        if arrives:
            await server.until(lambda: len(received) == 3)
            proxy.cut()
        await server.until(lambda: len(received) == (6 if arrives else 3))
        server.model.gate.open()
        events = await asyncio.gather(*asking)
        await generation.done()
    assert [event.content for event in events] == ["shorter", "in French", "shorter"]
    log = server.registry.get(generation.id, re="test", principal=LOCAL).log
    assert [(each.seq, each.content) for each in log.instructions] == [(event.seq, event.content) for event in events]
    assert generation.text == log.text


async def test_an_instruction_is_sent_again_with_a_generate_that_did_not_arrive(
    server: RunningServer, proxy: Proxy, received: list[str]
) -> None:
    async with client(proxy.url, AT_ONCE) as chat:
        server.model.gate.close()
        proxy.cut(Cut(1, up=True))
        generation = chat.generate("Hi", seed=3)
        asking = asyncio.ensure_future(generation.steer("shorter"))
        await server.until(lambda: received == ["shorter"])
        server.model.gate.open()
        assert (await asking).content == "shorter"
        await generation.done()
    log = server.registry.get(generation.id, re="test", principal=LOCAL).log
    assert [each.content for each in log.instructions] == ["shorter"]


async def test_a_generate_that_did_not_arrive_is_sent_again_under_its_id(server: RunningServer, proxy: Proxy) -> None:
    async with client(proxy.url, AT_ONCE) as chat:
        proxy.cut(Cut(1, up=True))
        generation = chat.generate("Hi", id="g1")
        assert isinstance(await anext(aiter(generation)), Accepted)
        assert (await generation.done()).reason is DoneReason.STOP


async def test_request_with_a_lost_answer_runs_once(server: RunningServer, proxy: Proxy) -> None:
    async with client(proxy.url, AT_ONCE) as chat:
        proxy.cut(Cut(1))
        generation = chat.generate("Hi", id="g1")
        assert isinstance(await anext(aiter(generation)), Attached)
        done = await generation.done()
    assert server.engine.stats().prompt_tokens == done.usage.prompt_tokens


async def test_asked_without_a_line_it_is_done_with_the_next(server: RunningServer, proxy: Proxy) -> None:
    server.model.gate.close()
    async with client(proxy.url, AT_ONCE) as chat:
        running = chat.generate("Hi")
        assert isinstance(await anext(aiter(running)), Accepted)
        await server.held()
        proxy.refusing = True
        proxy.cut()
        await server.until(lambda: len(server.connections) == 0)
        later = chat.generate("Ho")
        asked = asyncio.gather(running.cancel(), chat.ping(), chat.status())
        await asyncio.sleep(0)
        proxy.refusing = False
        done, seconds, status = await asked
        assert (done.reason, seconds >= 0, status.running is not None) == (DoneReason.CANCELLED, True, True)
        server.model.gate.open()
        assert (await later.done()).reason is DoneReason.STOP


async def test_a_server_that_does_not_come_back_is_given_up(server: RunningServer, proxy: Proxy) -> None:
    clock = Clock()
    server.model.gate.close()
    async with client(proxy.url, clock.retry(give_up_after=20)) as chat:
        generation = chat.generate("Hi")
        pieces = generation.pieces()
        server.model.gate.step(12)
        await anext(pieces)
        proxy.refusing = True
        proxy.cut()
        with pytest.raises(DisconnectedError, match="lost, and reconnecting failed"):
            [piece async for piece in pieces]
        assert clock.slept == [0.5, 1, 2, 4, 8, 16]
        assert generation.text
        for ask in (generation.done, generation.cancel, chat.ping):
            with pytest.raises(DisconnectedError):
                await ask()


async def test_give_up_after_0_never_reconnects(server: RunningServer, proxy: Proxy) -> None:
    async with client(proxy.url, Retry(give_up_after=0)) as chat:
        proxy.cut()
        with pytest.raises(DisconnectedError):
            await chat.generate("Hi").done()
    assert proxy.lines == 1


def test_the_wait_is_random_up_to_a_limit_that_doubles() -> None:
    retry = Retry(first=0.5, longest=30, random=lambda: 0.5)
    assert [retry.wait(attempt, None) for attempt in range(8)] == [0.25, 0.5, 1, 2, 4, 8, 15, 15]
    assert [retry.wait(attempt, 2.0) for attempt in range(3)] == [1, 0.5, 1]
    assert retry.wait(10**6, None) == 15
    waits = [Retry().wait(0, None) for _ in range(100)]
    assert len(set(waits)) > 90
    assert 0 <= min(waits) <= max(waits) <= 0.5


async def test_a_restarted_server_does_not_know_it_and_the_text_is_kept(server: RunningServer, proxy: Proxy) -> None:
    clock = Clock()
    server.model.gate.close()
    async with client(proxy.url, clock.retry()) as chat:
        generation = chat.generate("Hi", id="g1")
        pieces = generation.pieces()
        server.model.gate.step(12)
        first = (await anext(pieces)).text
        await server.held()
        async with serving(ScriptedModel()) as another:
            proxy.target = another.port
            await server.connections.say_goodbye()
            with pytest.raises(RequestError) as caught:
                [piece async for piece in pieces]
            assert caught.value.code is ErrorCode.UNKNOWN_ID
            assert generation.text.startswith(first)
            assert clock.slept == [2.0]  # what `goodbye` asked for
            assert (await chat.generate("Hi").done()).reason is DoneReason.STOP
