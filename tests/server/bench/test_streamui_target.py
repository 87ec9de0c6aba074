"""The load's client for our server: the real server over the scripted model."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from server.bench.bench_error import BenchError
from server.bench.load_sizes import LoadSizes
from server.bench.measures import drafts as measure
from server.bench.measures.changes import changes
from server.bench.measures.places import PLACES, places
from server.bench.measures.speculation import speculation
from server.bench.prompts import Prompts
from server.bench.rows import rows
from server.bench.streamui_target import StreamUI
from server.bench.target import ask, ask_at_once
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving


def target(server: RunningServer) -> StreamUI:
    return StreamUI(f"http://127.0.0.1:{server.port}", raw=True, ends=())


async def test_an_answer(server: RunningServer) -> None:
    answer = await ask(target(server), "Hi", 5)
    (generation,) = server.registry._generations.values()
    assert answer.text == generation.log.text != ""
    assert (answer.tokens, answer.prompt_tokens, answer.early) == (5, len("Hi"), False)
    assert answer.arrivals and answer.sent < answer.arrivals[0] <= answer.arrivals[-1]
    assert await answer.first() > 0


async def test_more_at_once_than_are_computed_at_once(server: RunningServer) -> None:
    answers = await ask_at_once(target(server), [f"prompt {n}" for n in range(4)], 5)
    assert [answer.tokens for answer in answers] == [5] * 4


async def test_a_stop_waits_for_its_acknowledgement(server: RunningServer) -> None:
    server.model.gate.close()
    line = await target(server).connect()
    answer = line.ask("Hi", 30)
    server.model.gate.step(12)
    async with asyncio.timeout(DEADLINE):
        await answer.until(1)  # all that the steps brought may have come in one message
        await server.held()
        seen = answer.pieces
        sent = line.stop()
        (generation,) = server.registry.active
        await server.until(lambda: generation.cancel_received is not None)
        server.model.gate.open()
        assert await answer.done() > sent
    assert answer.stop_ms is not None
    assert seen <= answer.tokens < 30
    line.close()


async def test_answer_stopped_by_another_client_is_no_measurement(server: RunningServer) -> None:
    server.model.gate.close()
    line = await target(server).connect()
    answer = line.ask("Hi", 30)
    await server.held()
    (generation,) = server.registry.active
    server.registry.cancel(generation.id, time.monotonic(), principal=generation.principal)
    server.model.gate.open()
    with pytest.raises(BenchError, match="that was not stopped"):
        await answer.done()
    line.close()


async def test_a_draft_is_read_before_its_message_is_sent(server: RunningServer) -> None:
    line = await target(server).connect()
    line.draft("Tell me about the frogs")
    await server.until(lambda: server.engine.stats().draft_tokens > 0 and server.engine._batcher.drafts_idle)
    read = server.model.rows_computed
    answer = line.ask_message("Tell me about the frogs", 5)
    await answer.done()
    line.close()
    assert server.model.rows_computed - read < len("Tell me about the frogs") + 5 + len("<|im_start|>assistant")
    assert (answer.tokens, answer.early) == (5, False)


async def test_the_drafts_are_measured(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "PAUSE", 0.0)
    sizes = LoadSizes(short=4, long=40, answer=8, turns=1, writing=0.0, context=300)
    found = await measure.drafts(target(server), sizes, Prompts("test", 1.0))
    assert {row.of for row in rows(sizes) if row.group == "drafts"} == set(found)
    assert all(value > 0 for values in found.values() for value in values)


async def test_copying_is_measured(server: RunningServer) -> None:
    sizes = LoadSizes(short=4, copied=20, turns=2)
    found = await speculation(target(server), sizes, Prompts("test", 1.0))
    assert {row.of for row in rows(sizes) if row.group == "speculation"} == set(found)
    assert found["copy.step"] == found["prose.step"] == [1.0, 1.0]
    assert all(value > 0 for values in found.values() for value in values)


async def test_changes_of_running_answers_are_measured() -> None:
    sizes = LoadSizes(short=4, answer=8, stops=2, context=2000)
    async with serving(ScriptedModel(answer_tokens=1900)) as server, slowly(server):
        found = await changes(target(server), sizes, Prompts("test", 1.0))
    assert {row.of for row in rows(sizes) if row.group == "changes"} == set(found)
    for of in ("steer.first", "steer.message", "tune.answered"):
        assert len(found[of]) == 2
        assert min(found[of]) > 0


@contextlib.asynccontextmanager
async def slowly(server: RunningServer) -> AsyncIterator[None]:
    """Let the model compute one step for each turn of the event loop, so that an answer lasts while it is changed."""

    async def step() -> None:
        while True:
            server.model.gate.step()
            await asyncio.sleep(0.002)

    server.model.gate.close()
    stepping = asyncio.get_running_loop().create_task(step(), name="steps")
    try:
        yield
    finally:
        stepping.cancel()
        server.model.gate.open()


async def test_places_of_answers_are_measured(server: RunningServer) -> None:
    sizes = LoadSizes(short=4, answer=20, stops=2)
    found = await places(target(server), sizes, Prompts("test", 1.0))
    assert {row.of for row in rows(sizes) if row.group == "places"} == set(found)
    assert len(found["place.alternatives"]) == 2 * PLACES
    assert len(found["place.fork"]) == 2
    assert min(found["place.alternatives"] + found["place.fork"]) > 0


async def test_a_fork_arrives_with_its_first_own_token(server: RunningServer) -> None:
    line = await target(server).connect()
    answer = line.ask_message("Hi", 30)
    await answer.done()
    middle = answer.pieces // 2
    server.model.gate.close()
    fork = line.fork(middle, 30)
    await server.held()
    assert fork.pieces < middle
    assert fork.arrivals == []
    server.model.gate.open()
    await fork.done()
    assert fork.arrivals
    line.close()


async def test_places_that_are_not_there_fail_the_run(server: RunningServer) -> None:
    line = await target(server).connect()
    await line.ask_message("Hi", 3).done()
    with pytest.raises(BenchError, match="seq"):
        await line.alternatives(50)
    line.close()


async def test_answers_that_end_before_their_change_give_no_samples(server: RunningServer) -> None:
    sizes = LoadSizes(short=4, answer=8, stops=1, context=28)
    assert sizes.running == 8
    found = await changes(target(server), sizes, Prompts("test", 1.0))
    assert set(found) == {"steer.message", "tune.gap.alone"}


async def test_a_server_that_does_not_listen_while_it_writes_is_not_asked_to(server: RunningServer) -> None:
    other = target(server)
    other.two_way = False
    assert await measure.drafts(other, LoadSizes(), Prompts("test", 1.0)) == {}
    assert await changes(other, LoadSizes(), Prompts("test", 1.0)) == {}
    assert await places(other, LoadSizes(), Prompts("test", 1.0)) == {}


async def test_the_counters(server: RunningServer) -> None:
    before = await target(server).counters()
    await ask(target(server), "Hello", 5)
    after = await target(server).counters()
    assert after.prompt_tokens - before.prompt_tokens == len("Hello")
    assert after.completion_tokens - before.completion_tokens == 5


async def test_a_refusal_is_reported(server: RunningServer) -> None:
    with pytest.raises(BenchError, match="the prompt has"):
        await ask(target(server), "x" * 5000, 5)


async def test_nobody_there() -> None:
    with pytest.raises(BenchError, match="can't connect"):
        await StreamUI("http://127.0.0.1:1", raw=True, ends=()).connect()


async def test_a_server_without_the_socket_is_reported() -> None:
    from tests.server.bench.completions import Completions, serving

    async with serving(Completions().app()) as port:
        with pytest.raises(BenchError, match="opened no WebSocket"):
            await StreamUI(f"http://127.0.0.1:{port}", raw=True, ends=()).connect()
