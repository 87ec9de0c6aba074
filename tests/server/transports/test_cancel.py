"""Cancel: in every phase, acknowledged once the engine has stopped; a cancel that is too late gets an error."""

import time
from collections.abc import Callable

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Cancel,
    Done,
    DoneReason,
    Error,
    Generate,
    GenerationState,
    Params,
    Status,
    Token,
)
from server.generations.generation import Generation
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer

LONG_PROMPT = "x" * 1500


async def done_of(peer: Peer, id: str) -> Done:
    done = (await peer.until_done(id))[-1]
    assert isinstance(done, Done)
    return done


def assert_cancelled(done: Done, phase: GenerationState) -> None:
    assert (done.reason, done.phase) == (DoneReason.CANCELLED, phase)
    assert done.timings.stop is not None
    assert done.timings.stop <= done.timings.total
    assert done.error is None


def assert_nothing_is_held(server: RunningServer) -> None:
    stats = server.engine.stats()
    assert (stats.running, stats.queued, stats.kv_tokens) == (0, 0, 0)
    assert server.model.held_tokens == stats.kept_tokens


async def test_cancel_in_the_queue_computes_nothing(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"), Generate(id="g2", prompt="Hi"))
        await peer.take(Status, id="g2", state=GenerationState.QUEUED, position=1)
        await server.held()
        await peer.send(Cancel(id="g2"))
        await peer.carried_out()
        server.model.gate.step()
        done = await done_of(peer, "g2")
        assert_cancelled(done, GenerationState.QUEUED)
        assert (done.seq, done.chars, done.usage.completion_tokens) == (1, 0, 0)
        server.model.gate.open()
        assert (await done_of(peer, "g1")).reason is DoneReason.STOP


async def test_cancel_inside_the_prompt_computes_nothing_more(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt=LONG_PROMPT, raw=True))
        await peer.take(Accepted)
        server.model.gate.step(2)
        await server.held()
        before = server.model.rows_computed
        await peer.send(Cancel(id="g1"))
        done = await done_of(peer, "g1")  # the gate stays closed: the step that stood before it was aborted
        assert server.model.rows_computed == before
        assert 0 < before < 1500
        assert_nothing_is_held(server)
    assert_cancelled(done, GenerationState.PREFILL)
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (1500, 0)


async def test_cancel_inside_the_answer_computes_at_most_one_token_more(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi", raw=True))
        await peer.take(Accepted)
        tokens = 12
        server.model.gate.step(tokens)
        await peer.take(Token)
        await server.held()
        before = server.model.rows_computed
        await peer.send(Cancel(id="g1"))
        done = await done_of(peer, "g1")
        assert server.model.rows_computed <= before + 1
        assert server.engine.stats().completion_tokens <= tokens + 1
        assert_nothing_is_held(server)
        assert len(peer.text("g1")) == done.chars > 0
    assert_cancelled(done, GenerationState.DECODE)
    assert done.usage.completion_tokens <= tokens + 1


async def test_cancel_beside_running_answers_computes_at_most_one_token_more(wide_server: RunningServer) -> None:
    server = wide_server
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(*(Generate(id=id, prompt="Hi", raw=True) for id in ("g1", "g2", "g3")))
        await peer.take(Accepted, id="g3")
        server.model.gate.step(12)
        await server.held()
        before = {id: peer.session.cursors[id].chars for id in ("g1", "g3")}
        await peer.send(Cancel(id="g2"))
        await peer.carried_out()
        server.model.gate.open()
        done = await done_of(peer, "g2")
        assert_cancelled(done, GenerationState.DECODE)
        assert done.usage.completion_tokens <= 12 + 1
        for id in before:
            assert (await done_of(peer, id)).reason is DoneReason.STOP


async def test_cancel_before_the_first_step_computes_nothing(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cancel arrives after the engine has read its inbox, and before it has planned the step."""
    batcher = server.engine._batcher
    plan = batcher._plan

    def cancel_and_plan(interrupted: Callable[[], bool]) -> object:
        monkeypatch.undo()
        server.engine.cancel("g1", time.monotonic())
        return plan(interrupted)

    server.model.gate.close()
    monkeypatch.setattr(batcher, "_plan", cancel_and_plan)
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt=LONG_PROMPT))
        assert_cancelled(await done_of(peer, "g1"), GenerationState.PREFILL)
    assert server.model.rows_computed == 0


async def test_next_generation_gets_the_slot_of_a_cancelled_one(server: RunningServer) -> None:
    server.model.gate.close()
    fresh = Generate(id="fresh", prompt="Hi", params=Params(seed=5))
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt=LONG_PROMPT), Generate(id="g2", prompt="Hi", params=Params(seed=5)))
        await peer.take(Accepted, id="g2")
        await server.held()
        await peer.send(Cancel(id="g1"))
        await done_of(peer, "g1")
        server.model.gate.open()
        await done_of(peer, "g2")
        await peer.send(fresh)
        await done_of(peer, "fresh")
        assert peer.text("g2") == peer.text("fresh")


async def test_without_an_id_it_means_the_newest(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"), Generate(id="g2", prompt="Hi"), Cancel())
        await peer.take(Accepted, id="g2")
        await peer.carried_out()
        server.model.gate.open()
        assert (await done_of(peer, "g2")).reason is DoneReason.CANCELLED
        assert (await done_of(peer, "g1")).reason is DoneReason.STOP


async def test_all_means_those_of_this_connection(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer, server.peer() as other:
        await other.send(Generate(id="theirs", prompt="Hi"))
        await other.take(Accepted)
        await peer.send(Generate(id="g1", prompt="Hi"), Generate(id="g2", prompt="Hi"), Cancel(all=True))
        await peer.take(Accepted, id="g2")
        await peer.carried_out()
        server.model.gate.open()
        for id in ("g1", "g2"):
            assert (await done_of(peer, id)).reason is DoneReason.CANCELLED
        assert (await done_of(other, "theirs")).reason is DoneReason.STOP


async def test_any_connection_may_cancel_by_id(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer, server.peer() as other:
        await peer.send(Generate(id="g1", prompt="Hi"))
        await peer.take(Accepted)
        await other.send(Cancel(id="g1"))
        assert (await done_of(peer, "g1")).reason is DoneReason.CANCELLED
        assert await other.settle() == []


async def test_twice_is_answered_once(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"), Generate(id="g2", prompt="Hi"))
        await peer.take(Accepted, id="g2")
        await server.held()
        await peer.send(Cancel(id="g2"), Cancel(id="g2"))
        assert await peer.errors() == []
        server.model.gate.open()
        assert (await done_of(peer, "g2")).reason is DoneReason.CANCELLED
        assert await peer.errors() == []


@pytest.mark.parametrize(
    ("cancel", "code", "id"),
    [
        (Cancel(id="g1"), ErrorCode.ALREADY_DONE, "g1"),
        (Cancel(id="nobody"), ErrorCode.UNKNOWN_ID, "nobody"),
        (Cancel(), ErrorCode.NOTHING_TO_CANCEL, None),
        (Cancel(all=True), ErrorCode.NOTHING_TO_CANCEL, None),
    ],
)
async def test_cancel_without_a_running_generation_is_an_error(
    server: RunningServer, cancel: Cancel, code: ErrorCode, id: str | None
) -> None:
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"))
        assert (await done_of(peer, "g1")).reason is DoneReason.STOP
        await peer.send(cancel)
        error = await peer.take(Error)
    assert (error.code, error.re, error.id, error.retryable) == (code, "cancel", id, False)


@pytest.mark.parametrize("others", [0, 1, 2])
async def test_cancel_of_all_stops_the_others_when_one_has_just_ended(wide_server: RunningServer, others: int) -> None:
    """The cancel arrives when ``g1`` has ended and its `done` is not sent yet."""
    server = wide_server
    server.model.gate.close()
    on_ended = server.registry.on_ended
    errors: list[ErrorCode] = []

    def cancel_all_then(generation: Generation) -> None:
        server.registry.on_ended = on_ended
        (connection,) = server.connections._open
        try:
            connection._cancel(Cancel(all=True), time.monotonic())
        except RemoteProtocolError as error:
            errors.append(error.code)
        on_ended(generation)

    server.registry.on_ended = cancel_all_then
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi", raw=True, params=Params(max_tokens=1)))
        rest = [f"g{number}" for number in range(2, others + 2)]
        await peer.send(*(Generate(id=id, prompt="Hi", raw=True) for id in rest))
        await peer.take(Accepted, id=["g1", *rest][-1])
        server.model.gate.step(6)
        assert (await done_of(peer, "g1")).reason is DoneReason.LENGTH
        server.model.gate.open()
        for id in rest:
            assert (await done_of(peer, id)).reason is DoneReason.CANCELLED
    assert errors == ([] if others else [ErrorCode.ALREADY_DONE])
