"""Tuning: new parameters in mid-answer, over every transport, in conversations and after a restart."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from protocol.cursor import Cursor
from protocol.errors import ErrorCode
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Cancel,
    Done,
    DoneReason,
    Error,
    Generate,
    Params,
    Snapshot,
    Token,
    Tune,
    Tuned,
    TunedValues,
)
from server.generations import tuner
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

G1 = Generate(id="g1", prompt="Hi", params=Params(seed=3))
SEED = Params(seed=9)


async def begin(server: RunningServer, peer: Peer, body: Generate = G1, steps: int = 8) -> None:
    """Start an answer and pause it in the middle."""
    server.model.gate.close()
    await peer.send(body)
    await peer.take(Accepted)
    server.model.gate.step(steps)
    await server.held()


async def tune(server: RunningServer, peer: Peer, id: str = "g1", **fields: Any) -> Tuned:
    """Tune a paused answer, and pause it again."""
    await peer.send(Tune(id=id, **fields))
    await peer.carried_out()
    server.model.gate.step()
    tuned = await peer.take(Tuned, id=id)
    await server.held()
    return tuned


async def test_every_reader_gets_the_change_and_the_text_after_it(server: RunningServer) -> None:
    async with server.peer() as peer, server.peer() as other:
        await begin(server, peer)
        await other.send(Attach(id="g1"))
        await other.take(Attached)
        tuned = await tune(server, peer, params=SEED, on_detach_ms=None)
        server.model.gate.open()
        done = (await peer.until_done("g1"))[-1]
        await other.until_done("g1")
        assert (tuned.params, tuned.on_detach_ms) == ({"seed": 9}, None)
        assert isinstance(done, Done)
        assert (done.reason, done.chars) == (DoneReason.STOP, len(peer.text("g1")))
        assert other.text("g1") == peer.text("g1")
        values = TunedValues(params={"seed": 9}, on_detach_ms=None)
        assert peer.session.cursors["g1"].tuned == other.session.cursors["g1"].tuned == values
        assert server.registry.get("g1", re="status", principal="local").on_detach_ms is None
        await peer.send(Generate(id="g2", prompt="Hi", params=Params(seed=3)))
        await peer.until_done("g2")
        assert peer.text("g2") != peer.text("g1")


async def test_a_client_that_does_not_know_changes_gets_a_snapshot(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        first = await tune(server, peer, params=Params(temperature=0.2, top_k=5))
        second = await tune(server, peer, params=Params(temperature=0.3))
        snapshots = [await peer.take(Snapshot, id="g1") for _ in range(2)]
        server.model.gate.open()
        await peer.until_done("g1")
        assert [each.seq for each in snapshots] == [first.seq, second.seq]
        values = [each.tuned.params for each in snapshots if each.tuned]
        assert values == [{"temperature": 0.2, "top_k": 5}, {"temperature": 0.3, "top_k": 5}]
        assert all(peer.text("g1").startswith(each.text) for each in snapshots)


async def test_the_text_of_each_event_is_read_over_http(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        tuned = await tune(server, peer, params=SEED)
        server.model.gate.open()
        done = (await peer.until_done("g1"))[-1]
    assert isinstance(done, Done)
    state = json.loads((await server.ask("GET", "/generations/g1?pieces=1")).body)
    pieces = state["pieces"]
    assert "".join(pieces) == state["text"]
    assert len(pieces) == done.seq - 1
    assert [number for number, text in enumerate(pieces, start=1) if text == ""] == [tuned.seq]
    assert "pieces" not in json.loads((await server.ask("GET", "/generations/g1?pieces=0")).body)


async def test_every_cursor_gets_the_same_events(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await tune(server, peer, params=SEED)
        await tune(server, peer, params=Params(temperature=0.3))
        server.model.gate.open()
        await peer.until_done("g1")
        whole = peer.session.cursors["g1"]
    log = server.registry.find("g1", "local").log  # type: ignore[union-attr]
    for after in range(whole.seq):
        cursor = Cursor("g1", whole.epoch)
        text = "".join(event.text for seq in range(1, after + 1) if isinstance(event := log.event(seq), Token))
        tuned = log.snapshot_at(after).tuned
        cursor.apply(Snapshot(id="g1", epoch=whole.epoch, seq=after, text=text, tuned=tuned))
        async with server.peer(cursors={"g1": cursor}) as reader:
            await reader.send(Attach(id="g1", epoch=whole.epoch, after=after))
            await reader.until_done("g1")
            assert (cursor.text, cursor.tuned, cursor.done) == (whole.text, whole.tuned, whole.done)


async def test_an_unknown_cursor_gets_the_values_in_its_snapshot(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await tune(server, peer, params=SEED)
        async with server.peer() as other:
            await other.send(Attach(id="g1", epoch="another", after=0))
            assert (await other.take(Snapshot)).tuned == TunedValues(params={"seed": 9})


@pytest.mark.parametrize(
    ("frame", "code", "field"),
    [
        ('{"type":"tune","id":"g1"}', ErrorCode.MISSING_FIELD, "params"),
        ('{"type":"tune","id":"g1","params":{}}', ErrorCode.MISSING_FIELD, "params"),
        ('{"type":"tune","id":"g1","params":{"temperature":7}}', ErrorCode.INVALID_FIELD, "params.temperature"),
        ('{"type":"tune","id":"g1","params":{"logit_bias":{"999":1}}}', ErrorCode.INVALID_FIELD, "params.logit_bias"),
        ('{"type":"tune","id":"g1","params":{"json_schema":{}}}', ErrorCode.UNSUPPORTED, "params.json_schema"),
        ('{"type":"tune","id":"g1","messages":[]}', ErrorCode.UNKNOWN_FIELD, "messages"),
        ('{"type":"tune","id":"g1","on_detach_ms":-1}', ErrorCode.INVALID_FIELD, "on_detach_ms"),
    ],
)
async def test_what_can_not_be_tuned_is_refused_by_its_name(
    server: RunningServer, frame: str, code: ErrorCode, field: str
) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await peer.send(frame)
        error = await peer.take(Error)
        assert (error.code, error.re, error.id) == (code, "tune", "g1")
        assert field in error.message
        server.model.gate.open()
        assert isinstance((await peer.until_done("g1"))[-1], Done)


async def test_a_change_that_comes_too_late_is_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(G1)
        await peer.until_done("g1")
        await peer.send(Tune(id="g1", params=SEED), Tune(id="nobody", params=SEED))
        late, unknown = await peer.take(Error), await peer.take(Error)
        assert (late.code, late.re, late.id) == (ErrorCode.ALREADY_DONE, "tune", "g1")
        assert (unknown.code, unknown.re, unknown.id) == (ErrorCode.UNKNOWN_ID, "tune", "nobody")


async def test_a_change_that_the_end_overtakes_is_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer, Generate(id="g1", prompt="Hi", params=Params(max_tokens=9)))
        await peer.send(Tune(id="g1", params=SEED))  # read after the running step, whose token is the last one
        await peer.carried_out()
        server.model.gate.open()
        error = await peer.take(Error)
        assert (error.code, error.re, error.id) == (ErrorCode.ALREADY_DONE, "tune", "g1")
        await peer.until_done("g1")


async def test_a_cancelled_answer_is_not_tuned_any_more(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await peer.send(Cancel(id="g1"), Tune(id="g1", params=SEED))
        assert (await peer.take(Error)).code == ErrorCode.ALREADY_DONE
        server.model.gate.open()
        await peer.until_done("g1")


async def test_an_answer_has_a_limited_number_of_changes(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuner, "MOST", 2)
    async with server.peer() as peer:
        await begin(server, peer)
        await tune(server, peer, params=SEED)
        await peer.send(Tune(id="g1", params=SEED), Tune(id="g1", params=SEED))
        error = await peer.take(Error)
        assert (error.code, error.re) == (ErrorCode.UNSUPPORTED, "tune")
        server.model.gate.open()
        await peer.until_done("g1")
        assert server.registry.get("g1", re="status", principal="local").log.tunings == 2


async def test_a_larger_limit_extends_the_answer_without_a_gap(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer, Generate(id="g1", prompt="Hi", params=Params(seed=3, max_tokens=10)))
        await tune(server, peer, params=Params(max_tokens=25))
        server.model.gate.open()
        done = (await peer.until_done("g1"))[-1]
        assert isinstance(done, Done)
        assert (done.limit, done.usage.completion_tokens) == ("max_tokens", 25)
        await peer.send(Generate(id="g2", prompt="Hi", params=Params(seed=3, max_tokens=25)))
        await peer.until_done("g2")
        assert peer.text("g2") == peer.text("g1")


async def test_an_answer_without_readers_continues_as_long_as_tuned(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await tune(server, peer, on_detach_ms=0)
        assert (await peer.take(Snapshot)).tuned == TunedValues(params={}, on_detach_ms=0)
    await server.until(lambda: server.registry.find("g1", "local").cancel_received is not None)  # type: ignore[union-attr]
    server.model.gate.open()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi", params=Params(seed=3)))  # its body is that of the first one
        done = (await peer.until_done("g1"))[-1]
        assert isinstance(done, Done) and done.reason is DoneReason.CANCELLED


async def test_http_tunes_and_reads_changes(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        asking = asyncio.ensure_future(server.ask("POST", "/generations/g1/tune", '{"params":{"seed":9}}'))
        await server.until(lambda: bool(server.engine._inbox) or asking.done())
        server.model.gate.open()
        answer = await asking
        tuned = json.loads(answer.body)
        assert (answer.status, tuned["type"], tuned["params"]) == (200, "tuned", {"seed": 9})
        await peer.until_done("g1")
        state = json.loads((await server.ask("GET", "/generations/g1")).body)
        assert state["tuned"] == {"params": {"seed": 9}}
        lines = (await server.ask("GET", "/generations/g1/poll?after=0")).body.splitlines()
        kinds = [json.loads(line)["type"] for line in lines]
        assert kinds == ["token", "tuned", "snapshot", "token", "done"]
        async with server.listen("GET", "/generations/g1/events") as listener:
            assert [event.name for event in await listener.rest()].count("tuned") == 1
        late = await server.ask("POST", "/generations/g1/tune", '{"params":{"seed":9}}')
        assert (late.status, json.loads(late.body)["code"]) == (409, "already_done")
        unknown = await server.ask("POST", "/generations/nobody/tune", '{"params":{"seed":9}}')
        assert (unknown.status, json.loads(unknown.body)["code"]) == (404, "unknown_id")
        empty = await server.ask("POST", "/generations/g1/tune", "{}")
        assert (empty.status, json.loads(empty.body)["code"]) == (400, "missing_field")


@contextlib.asynccontextmanager
async def tuned_and_stopped(data: Path, steps: int) -> AsyncIterator[Peer]:
    """Return what a client has when the server stops ``steps`` steps after the change."""
    async with serving(ScriptedModel(), data) as server, server.peer() as peer:
        await begin(server, peer)
        await tune(server, peer, params=Params(seed=9, max_tokens=30), on_detach_ms=None)
        server.model.gate.step(steps)
        await server.held()
        await peer.settle()
        await server.registry.close()
        await peer.settle()
    yield peer


async def whole() -> Cursor:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await begin(server, peer)
        await tune(server, peer, params=Params(seed=9, max_tokens=30), on_detach_ms=None)
        server.model.gate.open()
        await peer.until_done("g1")
        return peer.session.cursors["g1"]


@pytest.mark.parametrize("steps", [0, 1, 6])
async def test_a_restarted_server_continues_with_the_new_parameters(tmp_path: Path, steps: int) -> None:
    expected = await whole()
    async with tuned_and_stopped(tmp_path, steps) as before:
        cursors = before.session.cursors
        assert cursors["g1"].tuned == expected.tuned
    for _ in range(2):  # the second time its log has ended
        async with serving(ScriptedModel(), tmp_path) as server, server.peer(cursors=dict(cursors)) as peer:
            assert server.registry.get("g1", re="status", principal="local").on_detach_ms is None
            await peer.send(Attach(id="g1", epoch=cursors["g1"].epoch, after=cursors["g1"].seq))
            assert (await peer.take(Attached)).recovered
            await peer.until_done("g1")
            cursor = peer.session.cursors["g1"]
            assert (cursor.text, cursor.tuned) == (expected.text, expected.tuned)
            async with server.peer() as other:
                await other.send(Attach(id="g1"))
                await other.until_done("g1")
                assert other.session.cursors["g1"].tuned == expected.tuned


async def test_a_conversation_has_one_whole_answer(server: RunningServer) -> None:
    await server.ask("POST", "/api/conversations", '{"id":"c1"}')
    async with server.peer() as peer:
        await begin(server, peer, Generate(id="g1", conversation="c1", content="Hi"))
        await tune(server, peer, params=SEED)
        server.model.gate.open()
        await peer.until_done("g1")
        found = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        assert [(each["role"], each["content"]) for each in found["messages"]] == [
            ("user", "Hi"),
            ("assistant", peer.text("g1")),
        ]


async def test_a_fault_keeps_the_changes_of_the_log(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await begin(server, peer)
        await tune(server, peer, params=SEED)
        generation = server.registry.get("g1", re="status", principal="local")
        server.registry._appender.fail(generation, RuntimeError("a fault"))
        server.model.gate.open()
        done = (await peer.until_done("g1"))[-1]
        assert isinstance(done, Done) and done.reason is DoneReason.FAILED
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await peer.send(Attach(id="g1"))
        await peer.until_done("g1")
        assert peer.session.cursors["g1"].tuned == TunedValues(params={"seed": 9}, on_detach_ms=UNSET)
