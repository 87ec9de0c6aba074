"""Several answers to one question that are written at once, in one conversation (PROTOCOL 14.2)."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.messages import Accepted, Attach, Attached, Cancel, Done, DoneReason, Error, Generate, Params, Watch
from server.engine.scheduler import FILLER
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_conversations import AT, call, made, told

LONG = "What is a frog? " * 60
"""A question long enough that prompts wait for each other's beginning."""


def several(count: int = 3, content: str = "What is a frog?", **params: Any) -> list[Generate]:
    """Return the requests of a comparison: the first brings the question, the others name it."""
    common: dict[str, Any] = {"conversation": "c1"}
    requests = [Generate(id="g1", content=content, message_id="q1", params=Params(seed=1, **params), **common)]
    for number in range(2, count + 1):
        requests.append(Generate(id=f"g{number}", parent="q1", params=Params(seed=number, **params), **common))
    return requests


async def begin(server: RunningServer, peer: Peer, requests: list[Generate]) -> None:
    """Start the answers in one frame, and pause them."""
    await made(server, id="c1")
    server.model.gate.close()
    await peer.send(*requests)
    for request in requests:
        await peer.take(Accepted, id=request.id)


async def pause_in_the_middle(server: RunningServer, ids: list[str], pieces: int = 3) -> None:
    """Let the model compute until each answer has some text, and pause it again."""
    logs = [server.registry.find(id, "local").log for id in ids]  # type: ignore[union-attr]
    while any(log.pieces < pieces and log.done is None for log in logs):
        server.model.gate.step()
        await server.held()
    assert all(log.done is None for log in logs)


async def stop(server: RunningServer, peer: Peer, id: str) -> DoneReason:
    """Stop one of several paused answers: the engine reads the Stop after one more step."""
    await peer.send(Cancel(id=id))
    await peer.carried_out()
    server.model.gate.step()
    return (await peer.take(Done, id=id)).reason


def answers(whole: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {message["id"]: message for message in whole["messages"] if message["role"] == "assistant"}


async def test_answers_to_one_question_are_written_at_once_as_its_versions(wide_server: RunningServer) -> None:
    server = wide_server
    async with server.peer() as peer:
        await begin(server, peer, several())
        await pause_in_the_middle(server, ["g1", "g2", "g3"])
        whole = await told(server, "c1")
        assert sorted(whole["writing"]) == ["g1", "g2", "g3"]
        assert {(each["parent"], each["state"]) for each in answers(whole).values()} == {("q1", "writing")}
        server.model.gate.open()
        for id in ("g1", "g2", "g3"):
            await peer.until_done(id)
    whole = await told(server, "c1")
    assert [message["id"] for message in whole["messages"]] == ["q1", "g1", "g2", "g3"]
    assert {id: (each["content"], each["state"]) for id, each in answers(whole).items()} == {
        id: (peer.text(id), "done") for id in ("g1", "g2", "g3")
    }
    assert len({each["content"] for each in answers(whole).values()}) == 3
    assert whole["leaf"] == "g3"


async def test_they_are_computed_in_one_batch_and_read_their_prompt_once(wide_server: RunningServer) -> None:
    server = wide_server
    async with server.peer() as peer:
        await begin(server, peer, several(content=LONG))
        await pause_in_the_middle(server, ["g1", "g2", "g3"])
        (batch,) = server.model.batches[-1:]
        assert len({row.slot for row in batch if row.token != FILLER}) == 3
        server.model.gate.open()
        done = [(await peer.take(Done, id=id)).usage for id in ("g1", "g2", "g3")]
    prompt = done[0].prompt_tokens
    assert prompt > 900
    assert [usage.prompt_tokens for usage in done] == [prompt] * 3
    assert sum(usage.prompt_tokens - usage.cached_tokens for usage in done) <= 1.1 * prompt


async def test_a_late_one_gets_the_prompt_that_an_earlier_one_has_read(wide_server: RunningServer) -> None:
    server = wide_server
    first, second = several(2, content=LONG)
    async with server.peer() as peer:
        await begin(server, peer, [first])
        await pause_in_the_middle(server, ["g1"])
        await peer.send(second)
        await peer.take(Accepted, id="g2")
        server.model.gate.open()
        usage = (await peer.take(Done, id="g2")).usage
        await peer.take(Done, id="g1")
    assert usage.prompt_tokens - usage.cached_tokens <= 2


async def test_each_has_its_own_model_and_parameters() -> None:
    other = ScriptedModel(slots=2)
    other.facts = replace(other.facts, name="Other")
    async with serving(ScriptedModel(slots=2), others=[other]) as server, server.peer() as peer:
        names = [model.name for model in server.registry.writer.models]
        assert len(set(names)) == 2
        await made(server, id="c1", settings={"params": {"max_tokens": 30, "seed": 9}})
        bodies = [
            Generate(id="g1", conversation="c1", content="Hi", message_id="q1", model=names[0]),
            Generate(id="g2", conversation="c1", parent="q1", model=names[1]),
            Generate(id="g3", conversation="c1", parent="q1", model=names[1], params=Params(max_tokens=4, seed=2)),
        ]
        await peer.send(*bodies)
        for id in ("g1", "g2", "g3"):
            await peer.take(Done, id=id)
        found = answers(await told(server, "c1"))
        assert [found[id]["model"] for id in ("g1", "g2", "g3")] == [names[0], names[1], names[1]]
        assert [found[id]["usage"]["completion_tokens"] for id in ("g1", "g2", "g3")] == [30, 30, 4]
        assert other.rows_computed > 0


async def test_stop_ends_one_and_the_others_go_on(wide_server: RunningServer) -> None:
    server = wide_server
    async with server.peer() as peer:
        await begin(server, peer, several())
        await pause_in_the_middle(server, ["g1", "g2", "g3"])
        assert await stop(server, peer, "g2") is DoneReason.CANCELLED
        whole = await told(server, "c1")
        assert sorted(whole["writing"]) == ["g1", "g3"]
        server.model.gate.open()
        ends = [(await peer.take(Done, id=id)).reason for id in ("g1", "g3")]
    assert ends == [DoneReason.STOP] * 2
    found = answers(await told(server, "c1"))
    assert [found[id]["state"] for id in ("g1", "g2", "g3")] == ["done", "stopped", "done"]
    assert found["g2"]["content"] == peer.text("g2")


async def test_deleting_the_conversation_stops_all(wide_server: RunningServer) -> None:
    server = wide_server
    async with server.peer() as peer:
        await begin(server, peer, several())
        await pause_in_the_middle(server, ["g1", "g2", "g3"])
        assert (await call(server, "DELETE", f"{AT}/c1"))[0] == 200
        server.model.gate.step()
        ends = [(await peer.take(Done, id=id)).reason for id in ("g1", "g2", "g3")]
    assert ends == [DoneReason.CANCELLED] * 3
    await call(server, "POST", f"{AT}/c1/restore", {})
    assert {each["state"] for each in answers(await told(server, "c1")).values()} == {"stopped"}


async def test_deleting_one_answer_stops_only_that(wide_server: RunningServer) -> None:
    server = wide_server
    async with server.peer() as peer:
        await begin(server, peer, several())
        await pause_in_the_middle(server, ["g1", "g2", "g3"])
        assert (await call(server, "DELETE", f"{AT}/c1/messages/g3"))[0] == 200
        server.model.gate.step()
        assert (await peer.take(Done, id="g3")).reason is DoneReason.CANCELLED
        whole = await told(server, "c1")
        assert (sorted(whole["writing"]), whole["leaf"]) == (["g1", "g2"], "g2")
        server.model.gate.open()
        for id in ("g1", "g2"):
            assert (await peer.take(Done, id=id)).reason is DoneReason.STOP


async def test_a_second_tab_that_sends_them_too_reads_the_same_answers(wide_server: RunningServer) -> None:
    server = wide_server
    async with server.peer() as one, server.peer() as two:
        await two.send(Watch())
        await begin(server, one, several())
        await two.send(*several())
        for id in ("g1", "g2", "g3"):
            assert (await two.take(Attached, id=id)).from_ == 0
        server.model.gate.open()
        for id in ("g1", "g2", "g3"):
            await one.until_done(id)
            await two.until_done(id)
            assert one.text(id) == two.text(id)
    assert len((await told(server, "c1"))["messages"]) == 4


async def test_two_tabs_that_begin_at_once_write_one_question_and_each_answer_once(wide_server: RunningServer) -> None:
    server = wide_server
    await made(server, id="c1")
    async with server.peer() as one, server.peer() as two:
        await asyncio.gather(one.send(*several()), two.send(*several()))
        for id in ("g1", "g2", "g3"):
            await one.until_done(id)
            await two.until_done(id)
            assert one.text(id) == two.text(id)
    assert [message["id"] for message in (await told(server, "c1"))["messages"]] == ["q1", "g1", "g2", "g3"]


async def test_a_refused_question_leaves_no_answer_to_it(wide_server: RunningServer) -> None:
    server = wide_server
    await made(server, id="c1")
    async with server.peer() as peer:
        await peer.send(*several(content="x" * 4000))
        assert (await peer.take(Error, id="g1")).code == "context_overflow"
        assert [(await peer.take(Error, id=id)).code for id in ("g2", "g3")] == ["unknown_id"] * 2
    assert (await told(server, "c1"))["messages"] == []


async def test_one_that_is_refused_leaves_the_others(wide_server: RunningServer) -> None:
    server = wide_server
    first, second, third = several()
    async with server.peer() as peer:
        await made(server, id="c1")
        await peer.send(first, Generate(id="g2", conversation="c1", parent="q1", model="no such model"), third)
        assert (await peer.take(Error, id="g2")).message.startswith("model")
        for id in ("g1", "g3"):
            assert (await peer.take(Done, id=id)).reason is DoneReason.STOP
    assert sorted(answers(await told(server, "c1"))) == ["g1", "g3"]
    assert second.parent == "q1"


async def test_the_next_question_may_continue_any_answer_that_has_ended(wide_server: RunningServer) -> None:
    server = wide_server
    async with server.peer() as peer:
        await begin(server, peer, several())
        await pause_in_the_middle(server, ["g1", "g2", "g3"])
        await stop(server, peer, "g1")
        await peer.send(Generate(id="h2", conversation="c1", content="Why?", parent="g2"))
        assert (await peer.take(Error, id="h2")).code == "unexpected_message"
        await peer.send(Generate(id="h1", conversation="c1", content="Why?", parent="g1", message_id="q2"))
        await peer.take(Accepted, id="h1")
        server.model.gate.open()
        for id in ("g2", "g3", "h1"):
            assert (await peer.take(Done, id=id)).reason is DoneReason.STOP
    found = answers(await told(server, "c1"))
    assert (found["h1"]["parent"], found["h1"]["state"]) == ("q2", "done")


@pytest.mark.parametrize("stopped", ["", "g2"])
async def test_a_restarted_server_goes_on_with_each(tmp_path: Path, stopped: str) -> None:
    ids = ["g1", "g2", "g3"]
    async with serving(ScriptedModel(slots=3)) as server, server.peer() as peer:
        await made(server, id="c1")
        await peer.send(*several())
        for id in ids:
            await peer.take(Done, id=id)
        whole = {id: peer.text(id) for id in ids}
    async with serving(ScriptedModel(slots=3), tmp_path) as server, server.peer() as peer:
        await begin(server, peer, several())
        await pause_in_the_middle(server, ids)
        if stopped:
            await stop(server, peer, stopped)
        await server.registry.drain(0)
    async with serving(ScriptedModel(slots=3), tmp_path) as server, server.peer() as peer:
        await peer.send(*(Attach(id=id) for id in ids))
        for id in ids:
            await peer.until_done(id)
        found = answers(await told(server, "c1"))
    assert {id: each["content"] for id, each in found.items()} == {id: peer.text(id) for id in ids}
    for id in ids:
        assert peer.text(id) == whole[id] if id != stopped else whole[id].startswith(peer.text(id))
    assert json.dumps([found[id]["state"] for id in ids]).count("done") == (2 if stopped else 3)
