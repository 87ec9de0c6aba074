"""The size of a conversation in tokens (PROTOCOL 14.7)."""

import asyncio
import json
from typing import Any

import pytest

from protocol.messages import Accepted, Generate, Params
from server.conversations.sizes import KEPT
from server.writers.local import LocalWriter
from server.writers.writer_port import PromptSize
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_full_conversation import AT, filled, small_model, told, turn


async def size(server: RunningServer, id: str = "c", **query: Any) -> dict[str, Any]:
    answer = await server.ask("POST", f"{AT}/{id}/context", json.dumps(query))
    assert answer.status == 200, answer.body
    found = json.loads(answer.body)
    assert isinstance(found, dict)
    return found


async def test_size_of_a_new_message_is_what_its_generation_reads() -> None:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await filled(server, turns=3, system="Be brief.")
        found = await size(server, content="And then?")
        await turn(peer, "g")
        answer = (await told(server))["messages"][-1]
        assert found["tokens"] == answer["usage"]["prompt_tokens"]
        assert (found["context"], found["room"]) == (server.model.facts.context, server.model.facts.context * 3 // 4)


async def test_size_of_a_branch_has_the_system_prompt_and_each_answer_as_it_stands() -> None:
    async with serving(ScriptedModel()) as server:
        await filled(server, turns=3)
        bare = (await size(server))["tokens"]
        await server.ask("PATCH", f"{AT}/c", json.dumps({"settings": {"system": "Be brief."}}))
        told_more = (await size(server))["tokens"]
        assert told_more >= bare + len("Be brief.")
        assert (await size(server, parent="m3"))["tokens"] < told_more
        assert (await size(server, parent="m4"))["tokens"] < told_more
        assert (await size(server, parent=None))["tokens"] == 0
        assert (await size(server, parent=None, content="Hi"))["tokens"] > 0


async def test_size_after_an_answer_is_its_prompt_and_what_was_written() -> None:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await filled(server, turns=1)
        await turn(peer, "g")
        answer = (await told(server))["messages"][-1]
        usage = answer["usage"]
        assert (await size(server))["tokens"] == usage["prompt_tokens"] + len(answer["content"].encode())


async def test_size_while_an_answer_is_written_is_that_of_its_prompt() -> None:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await filled(server, turns=2)
        server.model.gate.close()
        expected = await size(server, content="And then?")
        await peer.send(Generate(id="g", conversation="c", content="And then?", params=Params(max_tokens=5)))
        await peer.take(Accepted)
        assert await size(server) == expected
        server.model.gate.open()
        await peer.until_done("g")
        assert (await size(server))["tokens"] > expected["tokens"]


async def test_size_of_a_full_conversation_says_what_is_left_out() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server)
        found = await size(server, content="And then?")
        accepted = await turn(peer, "g")
        assert isinstance(accepted, Accepted)
        assert found["dropped"] == accepted.dropped
        assert found["tokens"] <= found["context"] == 1000


async def test_size_where_nothing_is_left_out_is_above_the_context() -> None:
    async with serving(small_model()) as server:
        await filled(server, truncation="disabled")
        found = await size(server)
        assert found["tokens"] > found["context"] and "dropped" not in found


async def test_size_of_a_message_that_is_too_long_is_reported() -> None:
    async with serving(small_model()) as server:
        await filled(server, turns=1)
        assert (await size(server, content="x" * 5000))["tokens"] > 5000
        assert (await size(server, content="x" * 500_000))["tokens"] > 50_000


async def test_room_is_less_where_long_answers_are_allowed() -> None:
    async with serving(small_model()) as server:
        await filled(server, turns=1, params={"max_tokens": 400})
        assert (await size(server))["room"] == 600


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that were measured."""
    texts: list[str] = []
    measure = LocalWriter.measure

    def noted(writer: LocalWriter, body: Generate, written: str) -> PromptSize:
        texts.append(f"{len(body.messages or ())}")
        return measure(writer, body, written)

    monkeypatch.setattr(LocalWriter, "measure", noted)
    return texts


async def test_a_branch_is_measured_once_for_each_version(measured: list[str]) -> None:
    async with serving(ScriptedModel()) as server:
        await filled(server, turns=2)
        first = await asyncio.gather(*(size(server) for _ in range(3)))
        again = await size(server, parent="m3")
        assert all(found == again for found in first)
        count = len(measured)
        assert await size(server) == again and len(measured) == count
        await server.ask("PATCH", f"{AT}/c", json.dumps({"settings": {"system": "Be brief."}}))
        assert (await size(server))["tokens"] > again["tokens"] and len(measured) == count + 1


async def test_only_so_many_sizes_are_remembered(measured: list[str]) -> None:
    async with serving(ScriptedModel()) as server:
        await filled(server, turns=KEPT // 2 + 1)
        for number in range(KEPT + 1):
            await size(server, parent=f"m{number}")
        count = len(measured)
        await size(server, parent=f"m{KEPT}")
        assert len(measured) == count
        await size(server, parent="m0")
        assert len(measured) == count + 1


async def test_a_deleted_conversation_of_the_same_name_is_not_remembered() -> None:
    async with serving(ScriptedModel()) as server:
        await filled(server, turns=2)
        assert (await size(server))["tokens"] > 0
        await server.ask("DELETE", f"{AT}/c")
        answer = await server.ask("POST", f"{AT}/c/context", "{}")
        assert answer.status == 404


async def test_a_system_message_at_the_end_is_refused_as_in_a_generate(server: RunningServer) -> None:
    first = {"id": "m0", "parent": None, "role": "user", "content": "Hi"}
    last = {"id": "m1", "parent": "m0", "role": "system", "content": "Be brief."}
    conversation = {"id": "c", "settings": {}, "leaf": "m1", "messages": [first, last]}
    body = {"format": "streamui.conversations", "version": 1, "conversations": [conversation]}
    await server.ask("POST", f"{AT}/import", json.dumps(body))
    answer = await server.ask("POST", f"{AT}/c/context", "{}")
    assert answer.status == 400 and json.loads(answer.body)["code"] == "invalid_field"
    assert (await size(server, content="Hi"))["tokens"] > 0
