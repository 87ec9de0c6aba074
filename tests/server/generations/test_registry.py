"""The registry: each generation is started once, read, cancelled and expired. The scripted engine runs in its
thread."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import ChatMessage, Done, DoneReason, Generate, GenerationState, Params
from server.chat.template import ChatTemplate
from server.engine.worker import BatchingEngine
from server.generations.entries import Entry
from server.generations.generation import Generation
from server.generations.ownership import LOCAL
from server.generations.retention import RETENTION, Retention
from server.writers.local import LocalWriter
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.generations.starting import StartingRegistry as Registry
from tests.server.generations.starting import run

DEADLINE = 60.0


def running(
    engine: BatchingEngine, *, template: str | None = None, retention: Retention = RETENTION
) -> AbstractAsyncContextManager[Registry]:
    return run(Registry(LocalWriter(engine, ChatTemplate(template)), retention=retention))


@pytest.fixture
async def registry(engine: BatchingEngine) -> AsyncIterator[Registry]:
    async with running(engine) as registry:
        yield registry


async def start(registry: Registry, body: Generate) -> Generation:
    generation, new = await registry.start(body, time.monotonic(), principal=LOCAL)
    assert new
    return generation


async def until(registry: Registry, generation: Generation, condition: Callable[[], bool]) -> None:
    """Read ``generation`` until ``condition`` is true."""
    news = asyncio.Event()
    generation.watch(news.set)
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await news.wait()
            news.clear()
    generation.unwatch(news.set)


async def ended(registry: Registry, generation: Generation) -> Done:
    await until(registry, generation, lambda: generation.log.done is not None)
    assert generation.log.done is not None
    return generation.log.done


async def held(model: ScriptedModel) -> None:
    await asyncio.to_thread(model.gate.wait_until_held, DEADLINE)


async def refusal(registry: Registry, body: Generate) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        await registry.start(body, time.monotonic(), principal=LOCAL)
    assert caught.value.re == "generate"
    assert caught.value.id == body.id
    return caught.value


async def test_the_same_id_and_body_is_the_same_generation(registry: Registry, model: ScriptedModel) -> None:
    model.gate.close()
    body = Generate(id="g1", prompt="Hi")
    first = await start(registry, body)
    assert await registry.start(Generate(id="g1", prompt="Hi"), time.monotonic(), principal=LOCAL) == (first, False)
    model.gate.open()
    await ended(registry, first)
    assert await registry.start(body, time.monotonic(), principal=LOCAL) == (first, False)


async def test_two_at_the_same_time_with_one_id_are_one(registry: Registry, engine: BatchingEngine) -> None:
    body = Generate(id="g1", prompt="Hi", raw=True)
    both = await asyncio.gather(*(registry.start(body, time.monotonic(), principal=LOCAL) for _ in range(2)))
    assert both[0][0] is both[1][0]
    assert sorted(new for _, new in both) == [False, True]
    await ended(registry, both[0][0])
    assert engine.stats().prompt_tokens == 2


async def test_the_same_id_and_another_body_is_a_conflict(registry: Registry) -> None:
    await start(registry, Generate(id="g1", prompt="Hi"))
    error = await refusal(registry, Generate(id="g1", prompt="Ho"))
    assert (error.code, error.field) == (ErrorCode.ID_CONFLICT, "id")


async def test_without_an_id_each_is_a_new_one(registry: Registry) -> None:
    assert (await start(registry, Generate(prompt="Hi"))).id != (await start(registry, Generate(prompt="Hi"))).id


async def test_epochs_differ(registry: Registry) -> None:
    logs = [(await start(registry, Generate(prompt="Hi"))).log for _ in range(2)]
    assert logs[0].epoch != logs[1].epoch


async def test_unknown_ids_are_refused(registry: Registry) -> None:
    for call in (
        lambda: registry.get("nobody", re="cancel", principal=LOCAL),
        lambda: registry.cancel("nobody", 0, principal=LOCAL),
    ):
        with pytest.raises(RemoteProtocolError) as caught:
            call()
        assert (caught.value.code, caught.value.re, caught.value.id) == (ErrorCode.UNKNOWN_ID, "cancel", "nobody")


async def test_a_cancel_is_done_once_and_then_too_late(registry: Registry, model: ScriptedModel) -> None:
    model.gate.close()
    generation = await start(registry, Generate(id="g1", prompt="Hi"))
    await held(model)
    registry.cancel("g1", time.monotonic(), principal=LOCAL)
    registry.cancel("g1", time.monotonic(), principal=LOCAL)
    done = await ended(registry, generation)
    assert (done.reason, done.phase) == (DoneReason.CANCELLED, GenerationState.PREFILL)
    assert done.timings.stop is not None
    with pytest.raises(RemoteProtocolError) as caught:
        registry.cancel("g1", time.monotonic(), principal=LOCAL)
    assert caught.value.code is ErrorCode.ALREADY_DONE
    assert "cancelled" in caught.value.message


async def test_a_prompt_longer_than_the_context_is_reported_with_both_numbers(registry: Registry) -> None:
    error = await refusal(registry, Generate(id="g1", prompt="x" * 2048, raw=True))
    assert (error.code, error.field) == (ErrorCode.CONTEXT_OVERFLOW, "prompt")
    assert "2048 tokens and the context holds 2048" in error.message
    assert registry.active == []


async def test_a_raw_prompt_is_left_as_it_is(registry: Registry) -> None:
    done = await ended(registry, await start(registry, Generate(prompt="Hi", raw=True)))
    assert done.usage.prompt_tokens == 2
    done = await ended(registry, await start(registry, Generate(prompt="Hi")))
    assert done.usage.prompt_tokens == len("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")


async def test_a_template_that_refuses_is_reported_with_the_field(engine: BatchingEngine) -> None:
    async with running(engine, template="{{ raise_exception('no system here') }}") as registry:
        error = await refusal(registry, Generate(messages=(ChatMessage(role="user", content="Hi"),)))
    assert (error.code, error.field) == (ErrorCode.UNSUPPORTED, "messages")
    assert "no system here" in error.message


async def test_a_bias_on_a_token_that_the_model_lacks_is_refused(registry: Registry, model: ScriptedModel) -> None:
    vocabulary = model.facts.vocabulary
    await start(registry, Generate(prompt="Hi", params=Params(logit_bias={str(vocabulary - 1): 1.0})))
    error = await refusal(registry, Generate(prompt="Hi", params=Params(logit_bias={str(vocabulary): 1.0})))
    assert (error.code, error.field) == (ErrorCode.INVALID_FIELD, "params.logit_bias")
    assert str(vocabulary) in error.message


async def test_queue_positions_count_those_ahead_and_move(registry: Registry, model: ScriptedModel) -> None:
    model.gate.close()
    generations = [await start(registry, Generate(id=f"g{n}", prompt="Hi")) for n in range(4)]
    assert [generation.position for generation in generations] == [0, 1, 2, 3]
    assert registry.active == generations
    await held(model)
    registry.cancel("g0", time.monotonic(), principal=LOCAL)
    await until(registry, generations[3], lambda: generations[3].position == 2)
    assert generations[2].position == 1
    model.gate.open()
    for generation in generations:
        await ended(registry, generation)
    assert registry.active == []


async def test_a_full_queue_is_busy(registry: Registry, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.places, "queue_limit", 2)
    model.gate.close()
    for n in range(3):
        await start(registry, Generate(id=f"g{n}", prompt="Hi"))
    error = await refusal(registry, Generate(id="g3", prompt="Hi"))
    assert (error.code, error.retryable) == (ErrorCode.BUSY, True)
    assert error.retry_after_ms
    assert await registry.start(Generate(id="g0", prompt="Hi"), time.monotonic(), principal=LOCAL) == (
        registry.active[0],
        False,
    )


@pytest.mark.parametrize("on_detach_ms", [0, 5])
async def test_unwatched_generation_is_cancelled_in_time(
    registry: Registry, model: ScriptedModel, on_detach_ms: int
) -> None:
    model.gate.close()
    generation = await start(registry, Generate(prompt="Hi", on_detach_ms=on_detach_ms))
    news = asyncio.Event()
    generation.watch(news.set)
    await held(model)
    generation.unwatch(news.set)
    async with asyncio.timeout(DEADLINE):
        while generation.log.done is None:
            await asyncio.sleep(0.001)
    assert generation.log.done.reason is DoneReason.CANCELLED


async def test_starting_client_has_time_to_watch(
    registry: Registry, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It also works on a loop that runs new callbacks before waiting tasks, as uvloop does."""
    loop = asyncio.get_running_loop()
    later = loop.call_later

    def at_once(delay: float, callback: Callable[..., None], *arguments: Any) -> asyncio.Handle:
        return later(delay, callback, *arguments) if delay else loop.call_soon(callback, *arguments)

    monkeypatch.setattr(loop, "call_later", at_once)
    model.gate.close()
    generation = await start(registry, Generate(prompt="Hi", on_detach_ms=0))
    generation.watch(print)
    model.gate.open()
    assert (await ended(registry, generation)).reason is DoneReason.STOP


@pytest.mark.parametrize("body", [Generate(id="g1", prompt="Hi"), Generate(id="g1", prompt="Hi", on_detach_ms=None)])
async def test_by_default_and_with_null_it_continues(registry: Registry, model: ScriptedModel, body: Generate) -> None:
    model.gate.close()
    generation = await start(registry, body)
    generation.watch(print)
    generation.unwatch(print)
    assert ("g1" in registry._expiry) is (body.on_detach_ms is not None)
    model.gate.open()
    assert (await ended(registry, generation)).reason is DoneReason.STOP


async def test_reader_back_in_time_keeps_the_generation(registry: Registry, model: ScriptedModel) -> None:
    model.gate.close()
    generation = await start(registry, Generate(id="g1", prompt="Hi", on_detach_ms=1))
    generation.watch(print)
    generation.unwatch(print)
    generation.watch(print)
    assert "g1" not in registry._expiry
    model.gate.open()
    assert (await ended(registry, generation)).reason is DoneReason.STOP


async def test_leaving_of_one_of_two_readers_changes_nothing(registry: Registry, model: ScriptedModel) -> None:
    model.gate.close()
    generation = await start(registry, Generate(id="g1", prompt="Hi", on_detach_ms=0))
    generation.watch(print)
    generation.watch(repr)  # type: ignore[arg-type]
    generation.unwatch(print)
    assert "g1" not in registry._expiry
    generation.unwatch(repr)  # type: ignore[arg-type]
    assert "g1" in registry._expiry


async def test_on_detach_ms_counts_from_the_newest_request(registry: Registry, model: ScriptedModel) -> None:
    model.gate.close()
    body = Generate(id="g1", prompt="Hi")
    await start(registry, body)
    timers = registry._expiry._timers._handles
    before = timers["g1"]
    await registry.start(body, time.monotonic(), principal=LOCAL)
    assert before.cancelled()
    assert not timers["g1"].cancelled()


async def test_on_detach_ms_counts_again_when_a_reader_of_events_leaves(
    registry: Registry, model: ScriptedModel
) -> None:
    model.gate.close()
    generation = await start(registry, Generate(id="g1", prompt="Hi"))
    assert "g1" in registry._expiry
    reading = asyncio.ensure_future(anext(generation.events(0)))
    await asyncio.sleep(0)
    assert "g1" not in registry._expiry
    reading.cancel()
    await asyncio.wait([reading])
    assert "g1" in registry._expiry


async def test_a_dying_engine_fails_what_is_open_and_what_comes(
    registry: Registry, model: ScriptedModel, engine: BatchingEngine
) -> None:
    model.gate.close()
    generations = [await start(registry, Generate(id=f"g{n}", prompt="Hi")) for n in range(3)]
    await held(model)
    model.failures.append(RuntimeError("the chip is on fire"))
    model.gate.open()
    for generation in generations:
        done = await ended(registry, generation)
        assert done.reason is DoneReason.FAILED
        assert done.error is not None
        assert "the chip is on fire" in done.error.message
    error = await refusal(registry, Generate(id="late", prompt="Hi"))
    assert (error.code, error.retryable) == (ErrorCode.ENGINE_FAILED, True)
    assert "the chip is on fire" in error.message
    assert registry.active == []
    assert not engine.stats().alive


async def test_a_failed_batch_ends_only_what_was_in_it(registry: Registry, model: ScriptedModel) -> None:
    from server.engine.model import DecodeError

    model.gate.close()
    first, second = [await start(registry, Generate(id=id, prompt="Hi")) for id in ("g1", "g2")]
    await held(model)
    model.failures.append(DecodeError("out of luck"))
    model.gate.open()
    done = await ended(registry, first)
    assert done.error is not None
    assert (done.reason, done.error.message) == (DoneReason.FAILED, "out of luck")
    assert (await ended(registry, second)).reason is DoneReason.STOP


async def test_a_log_expires_after_its_time(engine: BatchingEngine, model: ScriptedModel) -> None:
    async with running(engine, retention=Retention(least=0, most=0.01)) as registry:
        await ended(registry, await start(registry, Generate(id="g1", prompt="Hi")))
        async with asyncio.timeout(DEADLINE):
            while registry._generations:
                await asyncio.sleep(0.001)
        with pytest.raises(RemoteProtocolError) as caught:
            registry.get("g1", re="attach", principal=LOCAL)
        assert caught.value.code is ErrorCode.UNKNOWN_ID
        assert "g1" not in registry._expiry
        model.gate.close()
        again = await start(registry, Generate(id="g1", prompt="Hi"))
        assert again.log.done is None
        model.gate.open()


async def test_closing_ends_all_as_interrupted(engine: BatchingEngine, model: ScriptedModel) -> None:
    model.gate.close()
    async with running(engine) as registry:
        generations = [await start(registry, Generate(id=f"g{n}", prompt="Hi")) for n in range(3)]
        await held(model)
    for generation in generations:
        assert generation.log.done is not None
        assert generation.log.done.reason is DoneReason.INTERRUPTED
        assert generation.log.done.timings.stop is None
    assert registry.active == []
    assert "g1" not in registry._expiry
    assert not engine.stats().alive
    assert model.held_tokens == engine.stats().kept_tokens


async def test_generation_whose_client_leaves_while_journaled_is_unwatched(
    registry: Registry, model: ScriptedModel
) -> None:
    model.gate.close()
    waiting: list[Sequence[Entry]] = []
    put = registry._recorder.put
    registry._recorder.put = waiting.append  # type: ignore[assignment, method-assign]
    body = Generate(id="g1", prompt="Hi", on_detach_ms=0)
    starting = asyncio.get_running_loop().create_task(
        registry.start(body, time.monotonic(), principal=LOCAL), name="start"
    )
    async with asyncio.timeout(DEADLINE):
        while not waiting:
            await asyncio.sleep(0.001)
    starting.cancel()
    await asyncio.wait([starting])
    registry._recorder.put = put  # type: ignore[method-assign]
    put(waiting[0])
    async with asyncio.timeout(DEADLINE):
        while registry.find("g1", LOCAL) not in registry._generations.values() or registry.active:
            await asyncio.sleep(0.001)
    done = registry.get("g1", re="attach", principal=LOCAL).log.done
    assert done is not None and done.reason is DoneReason.CANCELLED


async def test_drain_waits_for_running_generations_and_refuses_new_ones(
    registry: Registry, model: ScriptedModel
) -> None:
    model.gate.close()
    generation = await start(registry, Generate(id="g1", prompt="Hi"))
    draining = asyncio.get_running_loop().create_task(registry.drain(DEADLINE), name="drain")
    await asyncio.sleep(0)
    assert registry.shutting_down
    assert (await refusal(registry, Generate(id="g2", prompt="Hi"))).code is ErrorCode.BUSY
    assert await registry.start(Generate(id="g1", prompt="Hi"), time.monotonic(), principal=LOCAL) == (
        generation,
        False,
    )
    assert not draining.done()
    model.gate.open()
    await draining
    assert generation.log.done is not None


async def test_a_drain_ends_when_its_time_is_over(registry: Registry, model: ScriptedModel) -> None:
    await registry.drain(0)
    model.gate.close()
    registry._shutting_down = False
    await start(registry, Generate(id="g1", prompt="Hi"))
    async with asyncio.timeout(DEADLINE):
        await registry.drain(0.01)
    assert len(registry.active) == 1


async def test_logs_have_a_bound_and_those_that_run_count_too(engine: BatchingEngine, model: ScriptedModel) -> None:
    """A prompt counts as text and as tokens, of four bytes each."""
    async with running(engine, retention=Retention(limit=515)) as registry:
        model.gate.close()
        await start(registry, Generate(id="g1", prompt="x" * 100, raw=True))
        await start(registry, Generate(id="g2", prompt="Hi", raw=True))
        error = await refusal(registry, Generate(id="g3", prompt="Hi"))
        assert (error.code, error.retryable) == (ErrorCode.BUSY, True)
        assert error.retry_after_ms
        model.gate.open()
