"""Forks: answers that continue from a place of another one (PROTOCOL 6.12)."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import ErrorCode
from protocol.messages import (
    Accepted,
    Alternatives,
    AlternativesRequest,
    Attach,
    Done,
    DoneReason,
    Error,
    ForkPoint,
    Generate,
    Params,
    Snapshot,
    Steer,
    Steered,
    Token,
    Tune,
    Tuned,
)
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

G1 = Generate(id="g1", prompt="Hi", params=Params(seed=3))


def fork(seq: int, text: str | None = None, id: str = "g2", of: str = "g1", **fields: Any) -> Generate:
    return Generate(id=id, from_=ForkPoint(id=of, seq=seq, text=text), **fields)


async def written(peer: Peer, body: Generate) -> Done:
    await peer.send(body)
    done = (await peer.until_done(body.id or ""))[-1]
    assert isinstance(done, Done)
    return done


def events(server: RunningServer, id: str) -> list[Any]:
    """Return the events of a log, each as its text or as what it is."""
    log = server.registry.get(id, re="status", principal="local").log
    found = [log.event(seq) for seq in range(1, log.pieces + 1)]
    return [event.text if isinstance(event, Token) else (type(event), event.seq) for event in found if event]


async def test_a_fork_with_the_chosen_text_becomes_the_same_answer(server: RunningServer) -> None:
    async with server.peer() as peer:
        whole = await written(peer, G1)
        texts = events(server, "g1")
        for seq in range(1, len(texts) + 1):
            with_text, without = f"t{seq}", f"n{seq}"
            done = await written(peer, fork(seq, texts[seq - 1], with_text))
            await written(peer, fork(seq, None, without))
            assert events(server, with_text) == events(server, without) == texts
            assert (done.reason, done.chars, done.sha256) == (whole.reason, whole.chars, whole.sha256)
            assert done.usage.completion_tokens == whole.usage.completion_tokens
            assert done.usage.prompt_tokens == whole.usage.prompt_tokens


async def test_a_fork_at_the_end_continues_beyond_a_limit(server: RunningServer) -> None:
    async with server.peer() as peer:
        await written(peer, replaced(G1, max_tokens=10))
        await written(peer, replaced(G1, id="whole", max_tokens=25))
        end = len(events(server, "g1")) + 1
        done = await written(peer, fork(end, params=Params(max_tokens=25)))
        assert (done.limit, peer.text("g2")) == ("max_tokens", peer.text("whole"))
        at_once = await written(peer, fork(end, id="g3"))
        assert (at_once.limit, peer.text("g3")) == ("max_tokens", peer.text("g1"))


def replaced(body: Generate, id: str = "g1", **params: Any) -> Generate:
    return Generate(id=id, prompt=body.prompt, params=Params(seed=3, **params))


async def test_another_text_and_another_seed_give_another_answer(server: RunningServer) -> None:
    async with server.peer() as peer:
        await written(peer, G1)
        texts = events(server, "g1")
        await written(peer, fork(4, "another "))
        await written(peer, fork(4, None, "g3", params=Params(seed=9)))
        assert events(server, "g2")[:4] == [*texts[:3], "another "]
        assert events(server, "g3")[:3] == texts[:3]
        assert events(server, "g3") != texts
        assert events(server, "g1") == texts


async def test_a_fork_runs_beside_the_first_answer_and_reads_its_kv() -> None:
    async with serving(ScriptedModel(slots=2)) as server, server.peer() as peer:
        await written(peer, Generate(id="alone", prompt="Hello " * 20, params=Params(seed=3, temperature=0)))
        server.model.gate.close()
        await peer.send(Generate(id="g1", prompt="Hello " * 20, params=Params(seed=3, temperature=0)))
        await peer.take(Accepted)
        server.model.gate.step(12)
        await server.held()
        place = server.registry.get("g1", re="status", principal="local").log.pieces
        await peer.send(fork(place, "end. "))
        await peer.take(Accepted)
        computed = server.model.rows_computed
        server.model.gate.step(2)
        await server.held()
        assert server.model.rows_computed - computed == 3  # one row of the first answer, then one of each
        server.model.gate.open()
        done = (await peer.until_done("g2"))[-1]
        await peer.until_done("g1")
        assert isinstance(done, Done)
        assert done.usage.cached_tokens == done.usage.prompt_tokens
        assert peer.text("g1") == peer.text("alone")
        assert peer.text("g2").startswith("".join(events(server, "g1")[: place - 1]) + "end. ")


async def test_marks_are_taken_over_with_their_numbers(server: RunningServer) -> None:
    async with server.peer() as peer:
        server.model.gate.close()
        await peer.send(G1)
        await peer.take(Accepted)
        server.model.gate.step(6)
        await server.held()
        await peer.send(Steer(id="g1", content="shorter"), Tune(id="g1", params=Params(seed=9, max_tokens=30)))
        await peer.carried_out()
        server.model.gate.step(4)
        steered, tuned = await peer.take(Steered), await peer.take(Tuned)
        server.model.gate.open()
        done = (await peer.until_done("g1"))[-1]
        whole = events(server, "g1")
        after = max(steered.seq, tuned.seq) + 2
        again = await written(peer, fork(after, None, "after"))
        assert events(server, "after") == whole
        assert isinstance(done, Done)
        assert again.usage.completion_tokens == done.usage.completion_tokens
        assert again.usage.prompt_tokens == done.usage.prompt_tokens
        await written(peer, fork(steered.seq, None, "before"))
        await written(peer, Generate(id="plain", prompt="Hi", params=Params(seed=3)))
        assert events(server, "before") == events(server, "plain")
        async with server.peer() as other:
            await other.send(Attach(id="after", epoch="another"))
            snapshot = await other.take(Snapshot)
            assert snapshot.steered and snapshot.tuned
            assert (snapshot.steered[0].seq, snapshot.tuned.params) == (steered.seq, {"seed": 9, "max_tokens": 30})


async def test_an_answer_that_was_tuned_before_its_first_token_has_places() -> None:
    """Its log has events, but no tokens yet."""
    async with serving(ScriptedModel(slots=4)) as server, server.peer() as peer:
        server.model.gate.close()
        await peer.send(Generate(id="other", prompt="Ho"))
        await server.held()
        await peer.send(G1, Tune(id="g1", params=Params(max_tokens=5)))
        await peer.carried_out()
        server.model.gate.step()
        assert (await peer.take(Tuned, id="g1")).seq == 1
        await server.held()
        await peer.send(fork(1, id="g2"), fork(2, id="g3"), AlternativesRequest(id="g1", seq=2))
        for id in ("g2", "g3"):
            await peer.take(Accepted, id=id)
        server.model.gate.open()
        await peer.take(Alternatives)
        for id, tokens in (("g1", 5), ("g2", 40), ("g3", 5)):
            assert (await peer.take(Done, id=id)).usage.completion_tokens == tokens


async def test_a_fork_of_a_fork_can_be_steered_and_tuned(server: RunningServer) -> None:
    async with server.peer() as peer:
        await written(peer, G1)
        await written(peer, fork(3, "word, "))
        server.model.gate.close()
        await peer.send(fork(5, None, "g3", "g2"))
        await peer.take(Accepted, id="g3")
        server.model.gate.step(3)
        await server.held()
        await peer.send(Tune(id="g3", params=Params(max_tokens=20)), Steer(id="g3", content="more"))
        await peer.carried_out()
        server.model.gate.open()
        done = (await peer.until_done("g3"))[-1]
        assert isinstance(done, Done)
        assert done.usage.completion_tokens == 20
        assert {each[0] for each in events(server, "g3") if isinstance(each, tuple)} == {Steered, Tuned}


async def test_a_fork_of_a_fork_has_the_parameters_of_its_place(tmp_path: Path) -> None:
    async with serving(ScriptedModel(slots=2), tmp_path) as server, server.peer() as peer:
        server.model.gate.close()
        await peer.send(replaced(G1, max_tokens=30))
        await peer.take(Accepted)
        server.model.gate.step(4)
        await server.held()
        await peer.send(Tune(id="g1", params=Params(max_tokens=20)))
        await peer.carried_out()
        server.model.gate.step(2)
        tuned = (await peer.take(Tuned)).seq
        server.model.gate.open()
        await peer.until_done("g1")
        end = await written(peer, fork(tuned + 3))
        assert end.usage.completion_tokens == 20
        end = await written(peer, fork(tuned + 3, "word, ", "own", params=Params(max_tokens=25)))
        assert end.usage.completion_tokens == 25
    places = [
        ("g2", tuned - 1, 30),
        ("g2", tuned, 30),
        ("g2", tuned + 1, 20),
        ("g2", tuned + 6, 20),
        ("own", tuned, 30),
        ("own", tuned + 2, 20),
        ("own", tuned + 3, 25),
        ("own", tuned + 6, 25),
    ]
    async with serving(ScriptedModel(slots=2), tmp_path) as server, server.peer() as peer:
        for number, (of, seq, tokens) in enumerate(places):
            end = await written(peer, fork(seq, None, f"f{number}", of))
            assert (of, seq, end.usage.completion_tokens) == (of, seq, tokens)
            end = await written(peer, fork(seq, None, f"again{number}", f"f{number}"))
            assert (of, seq, end.usage.completion_tokens) == (of, seq, tokens)


async def test_a_raw_answer_can_be_forked_and_stays_raw(server: RunningServer) -> None:
    async with server.peer() as peer:
        await written(peer, Generate(id="g1", prompt="Hi", raw=True, params=Params(seed=3)))
        server.model.gate.close()
        await peer.send(fork(3))
        await peer.take(Accepted)
        server.model.gate.step(2)
        await server.held()
        await peer.send(Steer(id="g2", content="shorter"))
        error = await peer.take(Error)
        assert (error.code, error.message[:4]) == (ErrorCode.UNSUPPORTED, "raw:")
        server.model.gate.open()
        await peer.until_done("g2")
        assert peer.text("g2") == peer.text("g1")


async def test_stop_strings_are_not_looked_for_in_what_the_client_gives(server: RunningServer) -> None:
    async with server.peer() as peer:
        await written(peer, replaced(G1, stop=["never mind"]))
        done = await written(peer, fork(2, "xx, never mind, "))
        assert events(server, "g2")[1] == "xx, never mind, "
        assert done.stop_string is None
        tail = peer.text("g1")[8:14]
        stopped = await written(peer, fork(2, None, "g3", params=Params(stop=(tail,))))
        assert (stopped.reason, stopped.stop_string) == (DoneReason.STOP, tail)
        end = await written(peer, fork(len(events(server, "g3")) + 1, "on", "g4", "g3"))
        assert peer.text("g4").startswith(peer.text("g3"))
        assert end.reason is not DoneReason.FAILED


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"from": {"id": "g1", "seq": 999}}, ErrorCode.INVALID_FIELD, "from.seq"),
        ({"from": {"id": "g1", "seq": 0}}, ErrorCode.INVALID_FIELD, "from.seq"),
        ({"from": {"id": "g1", "seq": 1, "text": ""}}, ErrorCode.INVALID_FIELD, "from.text"),
        ({"from": {"id": "g1"}}, ErrorCode.MISSING_FIELD, "from.seq"),
        ({"from": {"id": "nobody", "seq": 1}}, ErrorCode.UNKNOWN_ID, "from.id"),
        ({"from": {"id": "g1", "seq": 1}, "prompt": "Hi"}, ErrorCode.INVALID_FIELD, "prompt"),
        ({"from": {"id": "g1", "seq": 1}, "raw": True}, ErrorCode.INVALID_FIELD, "raw"),
        ({"from": {"id": "g1", "seq": 1}, "model": "x"}, ErrorCode.INVALID_FIELD, "model"),
        ({"from": {"id": "g1", "seq": 1}, "content": "x"}, ErrorCode.INVALID_FIELD, "content"),
        ({"from": {"id": "g1", "seq": 1}, "truncation": "auto"}, ErrorCode.INVALID_FIELD, "truncation"),
        ({"from": {"id": "g1", "seq": 1}, "params": {"json_schema": {}}}, ErrorCode.UNSUPPORTED, "params.json_schema"),
        ({"from": {"id": "g1", "seq": 1}, "params": {"logit_bias": {"999": 1}}}, ErrorCode.INVALID_FIELD, "params"),
        ({"from": {"id": "schema", "seq": 1}}, ErrorCode.UNSUPPORTED, "from"),
        ({"from": {"id": "tools", "seq": 1}}, ErrorCode.UNSUPPORTED, "from"),
        ({"from": {"id": "secret", "seq": 1}}, ErrorCode.INVALID_FIELD, "temporary"),
        ({"from": {"id": "long", "seq": 21, "text": "x" * 1900}}, ErrorCode.CONTEXT_OVERFLOW, "from"),
        (
            {"from": {"id": "g1", "seq": 1}, "conversation": "c1", "temporary": True},
            ErrorCode.INVALID_FIELD,
            "temporary",
        ),
        ({"from": {"id": "g1", "seq": 1}, "conversation": "c1"}, ErrorCode.UNKNOWN_ID, "from.id"),
        ({"from": {"id": "g1", "seq": 1}, "conversation": "nowhere"}, ErrorCode.UNKNOWN_ID, "conversation"),
    ],
)
async def test_bad_forks_are_refused(
    server: RunningServer, fields: dict[str, Any], code: ErrorCode, field: str
) -> None:
    await server.ask("POST", "/api/conversations", '{"id":"c1"}')
    async with server.peer() as peer:
        await written(peer, G1)
        schema = {"type": "object", "properties": {"a": {"type": "boolean"}}}
        bodies = (
            {"id": "schema", "prompt": "Hi", "params": {"json_schema": schema}},
            {"id": "tools", "prompt": "Hi", "tools": [{"function": {"name": "add"}}]},
            {"id": "secret", "prompt": "Hi", "temporary": True},
            {"id": "long", "prompt": "x" * 300},
        )
        for body in bodies:
            await peer.send(json.dumps({"type": "generate", **body}))
            await peer.until_done(body["id"])  # type: ignore[arg-type]
        await peer.send(json.dumps({"type": "generate", "id": "g2", **fields}))
        error = await peer.take(Error)
        assert (error.code, error.re, error.id) == (code, "generate", "g2")
        assert field in error.message
        assert server.registry.find("g2", "local") is None


async def test_a_fork_of_a_temporary_answer_is_temporary(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await written(peer, Generate(id="g1", prompt="Hi", temporary=True, params=Params(seed=3)))
        await written(peer, fork(3, temporary=True))
        assert peer.text("g2") == peer.text("g1")
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await peer.send(Attach(id="g2"))
        assert (await peer.take(Error)).code == ErrorCode.UNKNOWN_ID


async def test_the_same_fork_again_attaches(server: RunningServer) -> None:
    async with server.peer() as peer:
        await written(peer, G1)
        await written(peer, fork(3, "word, "))
        again = await written(peer, fork(3, "word, "))
        assert again.reason is DoneReason.STOP
        await peer.send(fork(3, "line"))
        assert (await peer.take(Error)).code == ErrorCode.ID_CONFLICT


@contextlib.asynccontextmanager
async def begun(data: Path, steps: int) -> AsyncIterator[Peer]:
    """Stop a server ``steps`` steps after a fork has begun."""
    async with serving(ScriptedModel(), data) as server, server.peer() as peer:
        await written(peer, replaced(G1, stop=["never mind"]))
        server.model.gate.close()
        await peer.send(fork(5, "word, ", params=Params(max_tokens=30)))
        await peer.take(Accepted, id="g2")
        server.model.gate.step(steps)
        await server.held()
        await peer.settle()
        await server.registry.close()
    yield peer


@pytest.mark.parametrize("steps", [0, 1, 6])
async def test_a_restarted_server_continues_a_fork(tmp_path: Path, steps: int) -> None:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await written(peer, replaced(G1, stop=["never mind"]))
        await written(peer, fork(5, "word, ", params=Params(max_tokens=30)))
        expected = peer.session.cursors["g2"].text
        count = len(events(server, "g2"))
    async with begun(tmp_path, steps) as before:
        cursor = before.session.cursors["g2"]
    for _ in range(2):  # the second time its log has ended
        async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
            await peer.send(Attach(id="g2", epoch=cursor.epoch))
            done = (await peer.until_done("g2"))[-1]
            assert isinstance(done, Done)
            assert (peer.text("g2"), done.usage.completion_tokens) == (expected, 30)
            assert len(events(server, "g2")) == count
            await written(peer, fork(4, None, "g3", "g2"))  # a fork of a restored fork
            assert events(server, "g3")[:3] == events(server, "g2")[:3]
            await peer.send(AlternativesRequest(id="g2", seq=6))
            assert any(each.chosen for each in (await peer.take(Alternatives)).tokens)
            server.registry.forget(server.registry.get("g3", re="status", principal="local"))


async def test_a_fork_is_a_branch_beside_the_first_answer(server: RunningServer) -> None:
    await server.ask("POST", "/api/conversations", '{"id":"c1"}')
    async with server.peer() as peer:
        await written(peer, Generate(id="g1", conversation="c1", content="Hi", message_id="m1", params=Params(seed=3)))
        await peer.send(fork(4, "word, ", conversation="c1"))
        accepted = await peer.take(Accepted, id="g2")
        await peer.until_done("g2")
        assert (accepted.conversation, accepted.message) == ("c1", "g2")
        found = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        rows = [
            (each["id"], each["parent"], each["role"], each["content"], each["state"]) for each in found["messages"]
        ]
        assert rows == [
            ("m1", None, "user", "Hi", "done"),
            ("g1", "m1", "assistant", peer.text("g1"), "done"),
            ("g2", "m1", "assistant", peer.text("g2"), "done"),
        ]
        assert found["leaf"] == "g2"
        await written(peer, Generate(id="g3", conversation="c1", content="And?", params=Params(max_tokens=3)))
        after = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        assert after["messages"][-2]["parent"] == "g2"


async def test_http_starts_a_fork(server: RunningServer) -> None:
    async with server.peer() as peer:
        await written(peer, G1)
    answer = await server.ask("POST", "/generate", '{"id":"g2","from":{"id":"g1","seq":3}}')
    assert (answer.status, json.loads(answer.body)["text"]) == (200, peer.text("g1"))
