"""Steering: an instruction in mid-answer, over every transport, in conversations and after a restart."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

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
    Steer,
    Steered,
    Token,
)
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

G1 = Generate(id="g1", prompt="Hi", params=Params(seed=3))


async def begin(server: RunningServer, peer: Peer, body: Generate = G1, steps: int = 8) -> None:
    """Start an answer and pause it in the middle."""
    server.model.gate.close()
    await peer.send(body)
    await peer.take(Accepted)
    server.model.gate.step(steps)
    await server.held()


async def steer(server: RunningServer, peer: Peer, content: str, id: str = "g1") -> Steered:
    """Steer a paused answer, and pause it again."""
    await peer.send(Steer(id=id, content=content))
    await peer.carried_out()
    server.model.gate.step()
    steered = await peer.take(Steered, id=id)
    await server.held()
    return steered


async def test_an_answer_goes_on_after_the_instruction_under_the_same_id(server: RunningServer) -> None:
    async with server.peer() as peer, server.peer() as other:
        await begin(server, peer)
        await other.send(Attach(id="g1"))
        await other.take(Attached)
        await peer.read_up_to("g1", server.registry.active[0].log.pieces)
        seen = peer.text("g1")
        steered = await steer(server, peer, "shorter")
        server.model.gate.open()
        done = (await peer.until_done("g1"))[-1]
        await other.until_done("g1")
        assert steered.content == "shorter"
        assert isinstance(done, Done)
        assert (done.reason, done.chars) == (DoneReason.STOP, len(peer.text("g1")))
        cursor = peer.session.cursors["g1"]
        (instruction,) = cursor.instructions
        assert (instruction.seq, instruction.content) == (steered.seq, "shorter")
        assert peer.text("g1")[: instruction.chars].startswith(seen)
        assert other.session.cursors["g1"].instructions == cursor.instructions
        assert other.text("g1") == peer.text("g1")


async def test_a_client_that_does_not_know_instructions_gets_a_snapshot(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        steered = await steer(server, peer, "shorter")
        snapshot = await peer.take(Snapshot, id="g1")
        server.model.gate.open()
        await peer.until_done("g1")
        assert (snapshot.seq, snapshot.epoch) == (steered.seq, peer.session.cursors["g1"].epoch)
        assert peer.text("g1").startswith(snapshot.text)
        assert snapshot.steered == peer.session.cursors["g1"].instructions


async def test_every_cursor_gets_the_same_events(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await steer(server, peer, "shorter")
        await steer(server, peer, "in French")
        server.model.gate.open()
        await peer.until_done("g1")
        whole = peer.session.cursors["g1"]
    log = server.registry.find("g1", "local").log  # type: ignore[union-attr]
    for after in range(whole.seq):
        cursor = Cursor("g1", whole.epoch)
        known = tuple(each for each in log.instructions if each.seq <= after)
        text = "".join(event.text for seq in range(1, after + 1) if isinstance(event := log.event(seq), Token))
        cursor.apply(Snapshot(id="g1", epoch=whole.epoch, seq=after, text=text, steered=known))
        async with server.peer(cursors={"g1": cursor}) as reader:
            await reader.send(Attach(id="g1", epoch=whole.epoch, after=after))
            await reader.until_done("g1")
            assert (cursor.text, cursor.instructions, cursor.done) == (whole.text, whole.instructions, whole.done)


async def test_an_unknown_cursor_gets_the_instructions_in_its_snapshot(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        steered = await steer(server, peer, "shorter")
        async with server.peer() as other:
            await other.send(Attach(id="g1", epoch="another", after=0))
            snapshot = await other.take(Snapshot)
            assert [each.seq for each in snapshot.steered or ()] == [steered.seq]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (Generate(id="g1", prompt="Hi", raw=True), "raw"),
        (Generate(id="g1", prompt="Hi", params=Params(json_schema={"type": "boolean"})), "params.json_schema"),
        ('{"type":"generate","id":"g1","prompt":"Hi","tools":[{"function":{"name":"add"}}]}', "tools"),
    ],
)
async def test_answers_of_another_form_are_not_steered(server: RunningServer, body: Any, field: str) -> None:
    async with server.peer() as peer:
        await begin(server, peer, body, steps=2)
        await peer.send(Steer(id="g1", content="shorter"))
        error = await peer.take(Error)
        assert (error.code, error.re, error.id) == (ErrorCode.UNSUPPORTED, "steer", "g1")
        assert error.message.startswith(f"{field}: ")
        server.model.gate.open()
        assert isinstance((await peer.until_done("g1"))[-1], Done)


async def test_an_instruction_that_is_sent_again_with_its_key_is_read_once(server: RunningServer) -> None:
    """The first connection ends before the engine has read the instruction, or after."""
    first, second = (Steer(id="g1", content="shorter", key=key) for key in ("k1", "k2"))
    async with server.peer() as peer, server.peer() as other:
        await begin(server, peer)
        await peer.send(first)
        await peer.carried_out()
        peer.vanish()
        await other.send(Attach(id="g1"), first, second)
        await other.carried_out()
        server.model.gate.step()
        assert [(await other.take(Steered, id="g1")).content for _ in range(2)] == ["shorter"] * 2
        await other.send(first, second)
        assert await other.errors() == []
        server.model.gate.open()
        await other.until_done("g1")
        assert [each.content for each in other.session.cursors["g1"].instructions] == ["shorter"] * 2


async def test_a_key_is_of_one_instruction_until_it_is_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await peer.send(Steer(id="g1", content="long " * 9000, key="k1"))
        await peer.carried_out()
        server.model.gate.step()
        assert (await peer.take(Error)).code == ErrorCode.CONTEXT_OVERFLOW
        await peer.send(Steer(id="g1", content="shorter", key="k1"), Steer(id="g1", content="longer", key="k1"))
        conflict = await peer.take(Error)
        assert (conflict.code, conflict.re, conflict.message[:4]) == (ErrorCode.ID_CONFLICT, "steer", "key:")
        server.model.gate.open()
        await peer.until_done("g1")
        assert [each.content for each in peer.session.cursors["g1"].instructions] == ["shorter"]


async def test_an_instruction_that_comes_too_late_is_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(G1)
        await peer.until_done("g1")
        await peer.send(Steer(id="g1", content="shorter"), Steer(id="nobody", content="shorter"))
        late, unknown = await peer.take(Error), await peer.take(Error)
        assert (late.code, late.re, late.id) == (ErrorCode.ALREADY_DONE, "steer", "g1")
        assert (unknown.code, unknown.re, unknown.id) == (ErrorCode.UNKNOWN_ID, "steer", "nobody")


async def test_an_instruction_that_the_end_overtakes_is_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer, Generate(id="g1", prompt="Hi", params=Params(max_tokens=1)), steps=0)
        await peer.send(Steer(id="g1", content="shorter"))  # waits for the first token, which is the last one
        await peer.carried_out()
        server.model.gate.open()
        error = await peer.take(Error)
        assert (error.code, error.re, error.id) == (ErrorCode.ALREADY_DONE, "steer", "g1")
        await peer.until_done("g1")


async def test_a_cancelled_answer_is_not_steered_any_more(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await peer.send(Cancel(id="g1"), Steer(id="g1", content="shorter"))
        assert (await peer.take(Error)).code == ErrorCode.ALREADY_DONE
        server.model.gate.open()
        await peer.until_done("g1")


async def test_blank_instructions_are_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send('{"type":"steer","id":"g1","content":" \\n"}')
        error = await peer.take(Error)
        assert (error.code, error.re, error.id) == (ErrorCode.INVALID_FIELD, "steer", "g1")
        assert error.message.startswith("content ")


async def test_an_instruction_without_room_is_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        await peer.send(Steer(id="g1", content="x" * 4000))
        await peer.carried_out()
        server.model.gate.open()
        error = await peer.take(Error)
        assert (error.code, error.re) == (ErrorCode.CONTEXT_OVERFLOW, "steer")
        assert isinstance((await peer.until_done("g1"))[-1], Done)


async def test_http_steers_and_reads_instructions(server: RunningServer) -> None:
    async with server.peer() as peer:
        await begin(server, peer)
        asking = asyncio.ensure_future(server.ask("POST", "/generations/g1/steer", '{"content":"shorter"}'))
        await server.until(lambda: bool(server.engine._inbox) or asking.done())
        server.model.gate.open()
        answer = await asking
        steered = json.loads(answer.body)
        assert (answer.status, steered["type"], steered["content"]) == (200, "steered", "shorter")
        await peer.until_done("g1")
        state = json.loads((await server.ask("GET", "/generations/g1")).body)
        assert [each["content"] for each in state["steered"]] == ["shorter"]
        lines = (await server.ask("GET", "/generations/g1/poll?after=0")).body.splitlines()
        kinds = [json.loads(line)["type"] for line in lines]
        assert kinds == ["token", "steered", "snapshot", "token", "done"]
        late = await server.ask("POST", "/generations/g1/steer", '{"content":"shorter"}')
        assert (late.status, json.loads(late.body)["code"]) == (409, "already_done")
        unknown = await server.ask("POST", "/generations/nobody/steer", '{"content":"shorter"}')
        assert (unknown.status, json.loads(unknown.body)["code"]) == (404, "unknown_id")
        blank = await server.ask("POST", "/generations/g1/steer", '{"content":""}')
        assert (blank.status, json.loads(blank.body)["code"]) == (400, "invalid_field")


@contextlib.asynccontextmanager
async def steered_and_stopped(data: Path, steps: int) -> AsyncIterator[Peer]:
    """Return what a client has when the server stops ``steps`` steps after the instruction."""
    async with serving(ScriptedModel(), data) as server, server.peer() as peer:
        await begin(server, peer)
        await steer(server, peer, "shorter")
        server.model.gate.step(steps)
        await server.held()
        await peer.settle()
        await server.registry.close()
        await peer.settle()
    yield peer


async def whole() -> Cursor:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await begin(server, peer)
        await steer(server, peer, "shorter")
        server.model.gate.open()
        await peer.until_done("g1")
        return peer.session.cursors["g1"]


@pytest.mark.parametrize("steps", [0, 1, 6])
async def test_a_restarted_server_continues_after_the_instruction(tmp_path: Path, steps: int) -> None:
    expected = await whole()
    async with steered_and_stopped(tmp_path, steps) as before:
        cursors = before.session.cursors
        assert len(cursors["g1"].instructions) == 1
    for _ in range(2):  # the second time its log has ended
        async with serving(ScriptedModel(), tmp_path) as server, server.peer(cursors=dict(cursors)) as peer:
            await peer.send(Attach(id="g1", epoch=cursors["g1"].epoch, after=cursors["g1"].seq))
            assert (await peer.take(Attached)).recovered
            await peer.until_done("g1")
            cursor = peer.session.cursors["g1"]
            assert (cursor.text, cursor.instructions) == (expected.text, expected.instructions)
            async with server.peer() as other:
                await other.send(Attach(id="g1"))
                await other.until_done("g1")
                assert other.session.cursors["g1"].instructions == expected.instructions


async def test_a_conversation_has_the_partial_answer_the_instruction_and_the_rest(server: RunningServer) -> None:
    await server.ask("POST", "/api/conversations", '{"id":"c1"}')
    async with server.peer() as peer:
        await begin(server, peer, Generate(id="g1", conversation="c1", content="Hi"))
        await steer(server, peer, "shorter")
        await steer(server, peer, "in French")
        server.model.gate.open()
        done = (await peer.until_done("g1"))[-1]
        cursor = peer.session.cursors["g1"]
        cuts = [0, *(each.chars for each in cursor.instructions), len(cursor.text)]
        texts = [cursor.text[start:end] for start, end in pairwise(cuts)]
        found = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        assert isinstance(done, Done)
        messages = found["messages"]
        assert [(each["role"], each["content"], each["state"]) for each in messages] == [
            ("user", "Hi", "done"),
            ("assistant", texts[0], "done"),
            ("user", "shorter", "done"),
            ("assistant", texts[1], "done"),
            ("user", "in French", "done"),
            ("assistant", texts[2], "done"),
        ]
        assert [each["parent"] for each in messages] == [None, *(each["id"] for each in messages[:-1])]
        assert found["leaf"] == messages[-1]["id"] == f"g1-{cursor.instructions[1].seq}-answer"
        assert [each.get("usage") is None for each in messages] == [True] * 5 + [False]
        found_by_word = json.loads((await server.ask("GET", "/api/conversations?q=shorter")).body)
        assert [each["id"] for each in found_by_word["conversations"]] == ["c1"]
        await peer.send(Generate(id="g2", conversation="c1", parent=messages[-2]["id"]))  # regenerate the rest
        await peer.until_done("g2")
        again = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        assert (again["messages"][-1]["parent"], again["leaf"]) == (messages[-2]["id"], "g2")


async def test_a_steered_answer_that_is_deleted_while_it_is_written_leaves_nothing(server: RunningServer) -> None:
    await server.ask("POST", "/api/conversations", '{"id":"c1"}')
    async with server.peer() as peer:
        await begin(server, peer, Generate(id="g1", conversation="c1", content="Hi"))
        steered = await steer(server, peer, "shorter")
        assert (await server.ask("DELETE", "/api/conversations/c1/messages/g1")).status == 200
        server.model.gate.open()
        await peer.until_done("g1")
        found = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        assert [each["content"] for each in found["messages"]] == ["Hi"]
        back = json.loads((await server.ask("POST", "/api/conversations/c1/messages/g1/restore", "{}")).body)
        assert [each["role"] for each in back["messages"]] == ["user", "assistant", "user", "assistant"]
        assert back["leaf"] == f"g1-{steered.seq}-answer"
