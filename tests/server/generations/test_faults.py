"""Faults of an engine, of readers and of work after an end: each harms at most one generation."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from protocol.messages import Done, DoneReason, Generate, GenerationState
from server.chat.template import ChatTemplate
from server.engine.base import Choice, Queued, TokenLogprob, Update
from server.generations import log_appender
from server.generations import registry as registry_module
from server.generations.generation import Generation
from server.generations.journal import Journal
from server.generations.ownership import LOCAL, key_of
from server.generations.recorder import _Step
from server.generations.restoring import restored
from server.generations.stored import Stored
from server.writers.local import LocalWriter
from tests.server.generations.puppet import PuppetEngine, finished, piece, prefill
from tests.server.generations.starting import StartingRegistry as Registry
from tests.server.generations.starting import run
from tests.server.generations.test_registry import ended, start

BAD, GOOD = key_of(LOCAL, "bad"), key_of(LOCAL, "good")

BODIES = {name: Generate(id=name, prompt="Hi", raw=True, on_detach_ms=None) for name in ("bad", "good")}


def running(engine: PuppetEngine, folder: Path) -> AbstractAsyncContextManager[Registry]:
    return run(Registry(LocalWriter(engine, ChatTemplate(None)), Journal(folder)))


@pytest.fixture
def engine() -> PuppetEngine:
    return PuppetEngine()


@pytest.fixture
async def registry(engine: PuppetEngine, tmp_path: Path) -> AsyncIterator[Registry]:
    async with running(engine, tmp_path) as registry:
        yield registry


def left(folder: Path) -> dict[str, Stored]:
    """Return the generations that the next server finds in the journal."""
    journal = Journal(folder)
    stored = {one.begun.id: one for one in journal.stored}
    journal.close()
    return stored


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.exc_info]


Steps = list[list[Update]]

BROKEN: dict[str, Steps] = {
    "a piece before any prefill": [[piece(BAD)]],
    "a piece before any prefill, then more of it": [[piece(BAD)], [piece(BAD)], [prefill(BAD)]],
    "a piece before any prefill, and its end": [[piece(BAD), finished(BAD)]],
    "a piece before any prefill, and its end a step later": [[piece(BAD)], [finished(BAD)]],
    "a prefill behind a piece": [[prefill(BAD)], [piece(BAD)], [prefill(BAD)]],
    "a piece with half a character": [[prefill(BAD)], [piece(BAD, "\ud83d")], [piece(BAD)]],
    "a piece that is no text": [[prefill(BAD)], [piece(BAD, None)]],  # type: ignore[arg-type]
    "an end without a reason": [[prefill(BAD), piece(BAD)], [dataclasses.replace(finished(BAD), reason="x")]],  # type: ignore[arg-type]
    "an end without timings": [[prefill(BAD), piece(BAD)], [dataclasses.replace(finished(BAD), timings=None)]],  # type: ignore[arg-type]
}
"""Updates that an engine must never send, by steps."""

HARMLESS: dict[str, Steps] = {
    "an empty step": [[prefill(BAD)], [], [piece(BAD), finished(BAD)]],
    "a prefill that goes back": [[prefill(BAD, 2), prefill(BAD, 1)], [piece(BAD), finished(BAD)]],
    "a place in the queue while it is computed": [[prefill(BAD), Queued(BAD, 3)], [piece(BAD), finished(BAD)]],
    "two ends in one step": [[prefill(BAD), piece(BAD), finished(BAD), finished(BAD)]],
    "another end later": [[prefill(BAD), piece(BAD), finished(BAD)], [finished(BAD)]],
    "a piece behind the end": [[prefill(BAD), piece(BAD), finished(BAD), piece(BAD)], [piece(BAD), prefill(BAD)]],
    "updates of nobody": [[piece("nobody"), finished("nobody"), prefill("nobody")], [prefill(BAD)], [finished(BAD)]],
}
"""Updates that an engine should not send, but that do no harm."""


async def both(registry: Registry) -> tuple[Generation, Generation]:
    return await start(registry, BODIES["bad"]), await start(registry, BODIES["good"])


async def good_one_ends(registry: Registry, engine: PuppetEngine, good: Generation) -> None:
    engine.hand_over(prefill(GOOD), piece(GOOD, "all "))
    engine.hand_over(piece(GOOD, "is well"), finished(GOOD))
    done = await ended(registry, good)
    assert (done.reason, good.log.text) == (DoneReason.STOP, "all is well")


@pytest.mark.parametrize("steps", BROKEN.values(), ids=BROKEN)
async def test_an_impossible_update_ends_its_generation_as_failed(
    registry: Registry, engine: PuppetEngine, tmp_path: Path, steps: Steps, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = await both(registry)
    for step in steps:
        engine.hand_over(*step)
    done = await ended(registry, bad)
    assert (done.reason, bad.state) == (DoneReason.FAILED, GenerationState.DONE)
    assert done.error is not None and done.error.code == "engine_failed"
    assert "a fault in the server" in done.error.message and "ask again" in done.error.message
    assert engine.cancelled == [BAD]
    await good_one_ends(registry, engine, good)
    another = await start(registry, Generate(prompt="Hi", raw=True))
    registry.cancel(another.id, time.monotonic(), principal=LOCAL)
    assert registry.failure is None
    assert len(tracebacks(caplog)) == 1
    await registry.caught_up()
    assert_journaled(registry, tmp_path, bad, done)


def assert_journaled(registry: Registry, folder: Path, generation: Generation, done: Done) -> None:
    """Check that the next server shows the same log, and computes nothing more for it."""
    registry._recorder.close()
    stored = left(folder)[generation.key]
    assert stored.ending is not None
    assert stored.ending.error == (done.error.message if done.error else None)
    again = restored(stored, generation.model, 0, 0.0)
    again.apply(stored.ending, 0.0)
    assert (again.log.epoch, again.log.text, again.log.pieces) == (
        generation.log.epoch,
        generation.log.text,
        generation.log.pieces,
    )
    assert again.log.done == done


@pytest.mark.parametrize("steps", HARMLESS.values(), ids=HARMLESS)
async def test_an_update_that_is_merely_odd_changes_nothing(
    registry: Registry, engine: PuppetEngine, steps: Steps, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = await both(registry)
    for step in steps:
        engine.hand_over(*step)
    assert (await ended(registry, bad)).reason is DoneReason.STOP
    await good_one_ends(registry, engine, good)
    assert registry.failure is None
    assert tracebacks(caplog) == []


async def test_logprobs_of_a_broken_generation_are_kept(
    registry: Registry, engine: PuppetEngine, tmp_path: Path
) -> None:
    bad, _ = await both(registry)
    choice = Choice(TokenLogprob(b"w", -0.5), (TokenLogprob(b"w", -0.5), TokenLogprob(b"\xf0\x9f", -1.5)))
    engine.hand_over(prefill(BAD), dataclasses.replace(piece(BAD), choices=(choice,)))
    engine.hand_over(prefill(BAD))
    done = await ended(registry, bad)
    await registry.caught_up()
    assert_journaled(registry, tmp_path, bad, done)
    assert left(tmp_path)[BAD].pieces[0].choices == (choice,)


async def test_an_engine_that_cant_be_asked_fails_that_generation(registry: Registry, engine: PuppetEngine) -> None:
    good = await start(registry, BODIES["good"])
    engine.faults = {"submit": KeyError("no"), "cancel": KeyError("no")}
    bad = await start(registry, BODIES["bad"])
    assert (await ended(registry, bad)).reason is DoneReason.FAILED
    engine.faults.clear()
    await good_one_ends(registry, engine, good)


def raising(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "spoil",
    [
        lambda registry, monkeypatch: monkeypatch.setattr(registry, "on_ended", raising),
        lambda registry, monkeypatch: monkeypatch.setattr(registry.measurements, "piece", raising),
        lambda registry, monkeypatch: monkeypatch.setattr(registry.measurements, "end", raising),
        lambda registry, monkeypatch: monkeypatch.setattr(log_appender, "log_end", raising),
        lambda registry, monkeypatch: monkeypatch.setattr(registry._expiry, "finished", raising),
        lambda registry, monkeypatch: monkeypatch.setattr(registry._recorder, "_lags", None),
    ],
    ids=["on_ended", "measurements of pieces", "measurements of ends", "log", "retention", "measured lag"],
)
async def test_a_fault_in_what_follows_harms_no_generation(
    registry: Registry,
    engine: PuppetEngine,
    spoil: Callable[[Registry, pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spoil(registry, monkeypatch)
    bad, good = await both(registry)
    engine.hand_over(prefill(BAD), piece(BAD))
    engine.hand_over(piece(BAD), finished(BAD))
    assert (await ended(registry, bad)).reason is DoneReason.STOP
    await good_one_ends(registry, engine, good)
    assert registry.failure is None
    assert len(tracebacks(caplog)) == 1


async def test_a_reader_that_raises_keeps_nothing_from_the_others(registry: Registry, engine: PuppetEngine) -> None:
    bad, good = await both(registry)
    bad.watch(raising)
    news = asyncio.Event()
    bad.watch(news.set)
    engine.hand_over(prefill(BAD), piece(BAD), finished(BAD))
    await asyncio.wait_for(news.wait(), 60)
    assert bad.log.done is not None
    await good_one_ends(registry, engine, good)


async def test_a_stored_generation_that_cant_be_restored_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(PuppetEngine(), tmp_path) as registry:
        await both(registry)
        await registry.close()

    def faulty(stored: Stored, model: str, position: int, now: float) -> Generation:
        if stored.begun.id == BAD:
            raise ZeroDivisionError
        return restored(stored, model, position, now)

    monkeypatch.setattr(registry_module, "restored", faulty)
    engine = PuppetEngine()
    async with running(engine, tmp_path) as registry:
        assert engine.submitted == [GOOD]
        assert registry.failure is None


# Parts that die


async def told(registry: Registry, generations: Iterable[Generation], *words: str) -> None:
    for generation in generations:
        done = await ended(registry, generation)
        assert done.error is not None
        assert done.reason is DoneReason.FAILED
        for word in words:
            assert word in done.error.message


async def test_an_engine_that_dies_without_a_word_is_noticed(
    registry: Registry, engine: PuppetEngine, caplog: pytest.LogCaptureFixture
) -> None:
    open_ones = await both(registry)
    engine.alive = False
    await told(registry, open_ones, "the engine has died")
    assert registry.failure == "the engine has died: its task or thread has ended"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "engine has died: its task or thread has ended; restart the server"
    ]


async def test_an_engine_that_cant_be_started_ends_what_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = PuppetEngine()
    engine.faults["start"] = RuntimeError("can't start new thread")
    async with running(engine, tmp_path) as registry:
        assert registry.failure == "the registry has died: RuntimeError: can't start new thread"


@pytest.mark.parametrize("error", [RuntimeError("no"), MemoryError(), SystemExit(1)])
async def test_a_commit_that_raises_what_nobody_foresaw_ends_all_and_is_journaled(
    registry: Registry,
    engine: PuppetEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    open_ones = await both(registry)
    journal = registry._recorder._journal
    assert journal is not None
    errors, commit = [error], journal._commit

    def fail_once(statements: Sequence[Any]) -> None:
        if errors:
            raise errors.pop()
        commit(statements)

    monkeypatch.setattr(journal, "_commit", fail_once)
    engine.hand_over(prefill(BAD), piece(BAD))
    await told(registry, open_ones, "the recorder has died", type(error).__name__)
    assert registry.failure is not None
    await registry.caught_up()
    registry._recorder.close()
    stored = left(tmp_path)
    assert [stored[generation.key].ending is not None for generation in open_ones] == [True, True]


async def test_a_recorder_whose_thread_has_ended_lets_nobody_wait(registry: Registry, engine: PuppetEngine) -> None:
    open_ones = await both(registry)
    registry._recorder._queue.put(_Step(None, 0.0))  # the last of all
    await told(registry, open_ones, "the recorder has died")
    await asyncio.wait_for(registry.caught_up(), 60)


async def test_a_recorder_that_cant_deliver_lets_nobody_wait(
    registry: Registry, engine: PuppetEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones = await both(registry)
    monkeypatch.setattr(registry._recorder, "_deliver", raising)
    starting = asyncio.ensure_future(start(registry, Generate(prompt="Hi", raw=True)))
    await told(registry, open_ones, "the recorder has died")
    await told(registry, [await starting], "the recorder has died")


async def test_a_registry_that_raises_ends_every_generation(
    registry: Registry, engine: PuppetEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones = await both(registry)
    monkeypatch.setattr(registry._appender, "append", raising)
    engine.hand_over(prefill(BAD))
    await told(registry, open_ones, "the registry has died", "ZeroDivisionError")


async def test_a_registry_whose_task_is_ended_ends_every_generation(registry: Registry) -> None:
    open_ones = await both(registry)
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "registry"]
    task.cancel()
    await told(registry, open_ones, "the registry has died")


async def test_generation_being_journaled_fails_when_a_part_dies(
    registry: Registry, engine: PuppetEngine, tmp_path: Path
) -> None:
    starting = asyncio.ensure_future(start(registry, BODIES["bad"]))
    while not registry._generations.unfinished:
        await asyncio.sleep(0)
    engine.alive = False
    assert registry.failure is not None
    bad = await starting
    assert bad.log.done is not None and bad.log.done.reason is DoneReason.FAILED
    await registry.caught_up()
    assert engine.submitted == []
    registry._recorder.close()
    assert left(tmp_path)[BAD].ending is not None
