"""One generation: what its state, status and log make of the engine's updates."""

import asyncio
import contextlib
from hashlib import sha256
from math import isnan

import pytest
from msgspec import UNSET, UnsetType

from protocol.errors import LocalProtocolError
from protocol.messages import Done, DoneReason, Generate, GenerationState, Params, Status, Token
from server.engine.base import (
    Delayed,
    EngineTimings,
    EngineUsage,
    Finished,
    FinishReason,
    Loading,
    Phase,
    Piece,
    Prefill,
    Queued,
)
from server.generations.generation import DEFAULT_ON_DETACH_MS, SPEED_INTERVAL, Generation

BODY = Generate(id="g1", prompt="Hi")

DEADLINE = 60.0
"""Seconds after which a test gives up."""


@pytest.fixture
def generation() -> Generation:
    return Generation("g1", "e1", BODY, 2)


def finished(reason: FinishReason, phase: Phase = Phase.DECODE, error: str | None = None) -> Finished:
    usage = EngineUsage(prompt_tokens=3, cached_tokens=1, completion_tokens=2)
    timings = EngineTimings(queued=1.23456, prefill=None, first_token=4, decode=5, total=6.5, stop=0.1)
    return Finished("g1", reason, phase, usage, timings, error)


def test_generation_begins_in_the_queue(generation: Generation) -> None:
    assert generation.status == Status(id="g1", state=GenerationState.QUEUED, position=2)
    generation.apply(Queued("g1", 1), 0)
    assert (generation.state, generation.position) == (GenerationState.QUEUED, 1)


def test_generation_that_waits_for_others_after_its_model_was_loaded_is_queued_again(generation: Generation) -> None:
    generation.apply(Loading("g1", 50, 100), 0)
    assert generation.status == Status(id="g1", state=GenerationState.LOADING, done=50, total=100)
    generation.apply(Queued("g1", 2, 1500), 0)
    assert generation.status == Status(id="g1", state=GenerationState.QUEUED, position=2, eta_ms=1500)
    generation.apply(Prefill("g1", 0, 1), 0)
    assert generation.state is GenerationState.PREFILL


def test_a_guess_at_when_it_starts_is_passed_on(generation: Generation) -> None:
    generation.apply(Queued("g1", 1, 1500), 0)
    assert generation.status.eta_ms == 1500


def test_the_log_keeps_when_each_piece_arrived(generation: Generation) -> None:
    generation.write("é", ())  # by an earlier server
    generation.apply(Prefill("g1", 0, 1), 0)
    generation.apply(Piece("g1", "one", 1), 10.5)
    generation.apply(Piece("g1", " more", 2), 11)
    (_, unknown), *known = generation.log.parts()[0].arrivals
    assert isnan(unknown)
    assert known == [(3, 10.5), (5, 11)]


def test_the_speed_of_one_that_continues_counts_what_this_server_wrote(generation: Generation) -> None:
    generation.apply(Prefill("g1", 0, 1), 0)
    generation.apply(Piece("g1", "one", 101), 10)
    generation.apply(Piece("g1", " two", 106), 10 + SPEED_INTERVAL)
    assert generation.status.tokens_per_second == 5 / SPEED_INTERVAL


def test_status_names_the_state_of_the_upstream_until_text_comes_and_the_speed_leaves_out_that_time(
    generation: Generation,
) -> None:
    generation.apply(Delayed("g1", "busy"), 0)
    assert generation.status == Status(id="g1", state=GenerationState.QUEUED, position=2, upstream="busy")
    generation.apply(Prefill("g1", 0, 0), 0)
    assert generation.status == Status(id="g1", state=GenerationState.PREFILL)
    generation.apply(Piece("g1", "one", 1), 10)
    generation.apply(Delayed("g1", "away"), 20)
    assert generation.status == Status(id="g1", state=GenerationState.DECODE, upstream="away")
    generation.apply(Piece("g1", " two", 2), 100)
    assert generation.status == Status(id="g1", state=GenerationState.DECODE)
    generation.apply(Piece("g1", " three", 7), 100 + SPEED_INTERVAL)
    assert generation.status.tokens_per_second == 5 / SPEED_INTERVAL


def test_reading_the_prompt_shows_how_far(generation: Generation) -> None:
    generation.apply(Prefill("g1", 128, 600), 0)
    assert generation.status == Status(id="g1", state=GenerationState.PREFILL, done=128, total=600)


def test_writing_shows_the_speed_now_and_then(generation: Generation) -> None:
    generation.apply(Prefill("g1", 0, 1), 0)
    generation.apply(Piece("g1", "one", 1), 10)
    first = generation.status
    assert first == Status(id="g1", state=GenerationState.DECODE)
    generation.apply(Piece("g1", " two", 2), 10 + SPEED_INTERVAL / 2)
    assert generation.status is first
    generation.apply(Piece("g1", " three", 6), 10 + SPEED_INTERVAL)
    assert generation.status.tokens_per_second == 5 / SPEED_INTERVAL
    assert generation.log.text == "one two three"


def test_done_tells_all_of_the_text(generation: Generation) -> None:
    generation.apply(Prefill("g1", 0, 1), 0)
    for text in ("é", "漢字"):
        generation.apply(Piece("g1", text, 1), 0)
    generation.apply(finished(FinishReason.CANCELLED), 0)
    done = generation.log.done
    assert done is not None
    assert (done.seq, done.chars, done.sha256) == (3, 3, sha256("é漢字".encode()).hexdigest())
    assert (done.reason, done.phase, done.error) == (DoneReason.CANCELLED, GenerationState.DECODE, None)
    assert (done.usage.prompt_tokens, done.usage.cached_tokens, done.usage.completion_tokens) == (3, 1, 2)
    assert (done.timings.queued, done.timings.prefill, done.timings.stop) == (1.235, None, 0.1)
    assert generation.state is GenerationState.DONE


def test_a_failure_says_why(generation: Generation) -> None:
    generation.apply(finished(FinishReason.FAILED, Phase.QUEUED, "no memory"), 0)
    assert generation.log.done is not None
    assert generation.log.done.error is not None
    assert (generation.log.done.error.code, generation.log.done.error.message) == ("engine_failed", "no memory")


def test_nothing_follows_the_end(generation: Generation) -> None:
    generation.apply(finished(FinishReason.STOP), 0)
    with pytest.raises(LocalProtocolError):
        generation.apply(finished(FinishReason.STOP), 0)


@pytest.mark.parametrize(("asked", "then"), [(UNSET, DEFAULT_ON_DETACH_MS), (None, None), (0, 0), (50, 50)])
def test_unwatched_generation_continues_for_on_detach_ms(asked: int | UnsetType | None, then: int | None) -> None:
    assert Generation("g1", "e1", Generate(prompt="Hi", on_detach_ms=asked), 0).on_detach_ms == then


@pytest.mark.parametrize(
    ("body", "same"),
    [
        (Generate(id="g1", prompt="Hi"), True),
        (Generate(id="g1", prompt="Hi", on_detach_ms=DEFAULT_ON_DETACH_MS), True),
        (Generate(id="g1", prompt="Hi", raw=False, params=Params()), True),
        (Generate(id="g1", prompt="Ho"), False),
        (Generate(id="g1", prompt="Hi", raw=True), False),
        (Generate(id="g1", prompt="Hi", params=Params(seed=1)), False),
        (Generate(id="g1", prompt="Hi", on_detach_ms=0), False),
        (Generate(id="g1", prompt="Hi", on_detach_ms=None), False),
    ],
)
def test_equal_bodies_are_recognised(generation: Generation, body: Generate, same: bool) -> None:
    assert generation.is_for(body) is same


def write(generation: Generation, *texts: str) -> None:
    """Append the pieces, and wake the readers, as the registry does."""
    for text in texts:
        generation.write(text, ())
    wake(generation)


def wake(generation: Generation) -> None:
    for watcher in tuple(generation.watchers):
        watcher()


async def test_events_merge_what_is_there_and_wait_for_the_rest(generation: Generation) -> None:
    write(generation, "a", "b", "c")
    events = generation.events(1)
    assert await anext(events) == Token(id="g1", seq=3, n=2, text="bc")
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    wake(generation)  # without anything new, as for a change of its status
    await asyncio.sleep(0)
    assert not waiting.done()
    write(generation, "d", "e")
    async with asyncio.timeout(DEADLINE):
        assert await waiting == Token(id="g1", seq=5, n=2, text="de")
        write(generation, "f")
        generation.apply(finished(FinishReason.STOP, Phase.QUEUED), 0)
        assert await anext(events) == Token(id="g1", seq=6, n=1, text="f")
        assert await anext(events) == generation.log.done
        assert [event async for event in events] == []
    assert generation.watchers == []


async def test_events_of_a_generation_that_has_ended_end_with_done(generation: Generation) -> None:
    write(generation, "a")
    generation.apply(finished(FinishReason.STOP, Phase.QUEUED), 0)
    assert [type(event) async for event in generation.events(0)] == [Token, Done]
    assert [type(event) async for event in generation.events(1)] == [Done]
    assert generation.watchers == []


@pytest.mark.parametrize("cancelled", [False, True])
async def test_events_are_watched_until_the_reader_leaves(generation: Generation, cancelled: bool) -> None:
    watched: list[int] = []
    generation.on_watchers_changed = lambda generation: watched.append(len(generation.watchers))

    async def read() -> None:
        async with contextlib.aclosing(generation.events(0)) as events:
            async for _ in events:
                if not cancelled:
                    break

    reading = asyncio.ensure_future(read())
    await asyncio.sleep(0)
    assert watched == [1]
    write(generation, "a")
    await asyncio.sleep(0)
    if cancelled:
        reading.cancel()
    await asyncio.wait([reading])
    assert watched == [1, 0]
