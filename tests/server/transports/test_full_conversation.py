"""Conversations longer than the model's context (PROTOCOL 4.2 and 14.2)."""

import json
from pathlib import Path
from typing import Any

from protocol.messages import Accepted, Attached, Done, Error, Generate, Params, Status
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving
from tests.server.writers.model_disk import ModelDisk

AT = "/api/conversations"
SHORT = Params(max_tokens=5)


def small_model() -> ScriptedModel:
    return ScriptedModel(context=1000)


async def told(server: RunningServer, id: str = "c") -> dict[str, Any]:
    answer = await server.ask("GET", f"{AT}/{id}")
    assert answer.status == 200
    whole = json.loads(answer.body)
    assert isinstance(whole, dict)
    return whole


async def filled(server: RunningServer, turns: int = 20, **settings: Any) -> None:
    """Make the conversation `c` with this number of turns of about 130 tokens each."""
    messages = []
    for number in range(2 * turns):
        above = f"m{number - 1}" if number else None
        role = "assistant" if number % 2 else "user"
        messages.append({"id": f"m{number}", "parent": above, "role": role, "content": f"{number} ".ljust(30, ".")})
    conversation = {"id": "c", "settings": settings, "leaf": messages[-1]["id"], "messages": messages}
    body = {"format": "streamui.conversations", "version": 1, "conversations": [conversation]}
    answer = await server.ask("POST", f"{AT}/import", json.dumps(body))
    assert json.loads(answer.body)["skipped"] == []


async def turn(peer: Peer, id: str, **fields: Any) -> Accepted | Error:
    await peer.send(Generate(id=id, conversation="c", **{"content": "And then?", "params": SHORT, **fields}))
    while True:
        message = await peer.next()
        if isinstance(message, Accepted | Error):
            if isinstance(message, Accepted):
                await peer.until_done(id)
            return message


async def test_a_full_conversation_continues_and_says_what_was_left_out() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server)
        dropped = []
        for number in range(12):
            accepted = await turn(peer, f"g{number}")
            assert isinstance(accepted, Accepted) and accepted.dropped
            dropped.append(accepted.dropped)
        answers = [message for message in (await told(server))["messages"] if message["generation"]]
        assert [answer["dropped"] for answer in answers] == dropped == sorted(dropped)
        assert len(set(dropped)) < len(dropped)
        assert all(answer["usage"]["prompt_tokens"] < 1000 for answer in answers)


async def test_the_next_prompt_begins_as_the_one_before_it() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server)
        cached = []
        for number in range(6):
            await peer.send(Generate(id=f"g{number}", conversation="c", content="And then?", params=SHORT))
            done = (await peer.until_done(f"g{number}"))[-1]
            assert isinstance(done, Done)
            cached.append(done.usage.cached_tokens / done.usage.prompt_tokens)
        assert sum(share > 0.8 for share in cached) >= 3


async def test_a_short_conversation_has_nothing_left_out() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server, turns=2)
        accepted = await turn(peer, "g")
        assert isinstance(accepted, Accepted) and accepted.dropped is None
        assert all("dropped" not in message for message in (await told(server))["messages"])


async def test_left_out_messages_are_reported_during_the_answer() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server)
        server.model.gate.close()
        await peer.send(Generate(id="g", conversation="c", content="And then?", params=SHORT))
        accepted = await peer.take(Accepted)
        writing = (await told(server))["messages"][-1]
        assert (writing["state"], writing["dropped"]) == ("writing", accepted.dropped)


async def test_a_restart_keeps_what_was_left_out(tmp_path: Path) -> None:
    async with serving(small_model(), tmp_path) as server, server.peer() as peer:
        await filled(server)
        server.model.gate.close()
        await peer.send(Generate(id="g", conversation="c", content="And then?", params=SHORT))
        dropped = (await peer.take(Accepted)).dropped
        await server.held()
        await server.registry.close()
    async with serving(small_model(), tmp_path) as server, server.peer() as peer:
        await peer.send(json.dumps({"type": "attach", "id": "g"}))
        await peer.take(Done)
        answer = (await told(server))["messages"][-1]
        assert (answer["state"], answer["dropped"]) == ("done", dropped)


def small_disk() -> ModelDisk:
    """Return a disk with one model, whose answers wait for its gate."""
    disk = ModelDisk(big=1)

    def held_model() -> ScriptedModel:
        model = small_model()
        model.gate.close()
        return model

    disk.make = held_model
    return disk


async def accepted_before_the_load(peer: Peer) -> int:
    """Send a message for the model on the disk, and return the number of messages left out, from its status."""
    await peer.send(Generate(id="g", conversation="c", content="And then?", params=SHORT, model="big"))
    assert (await peer.take(Accepted)).dropped is None
    while not (dropped := (await peer.take(Status)).dropped):
        pass
    return dropped


async def test_left_out_messages_are_reported_once_the_model_is_loaded() -> None:
    disk = small_disk()
    async with serving(small_model(), disk=disk) as server, server.peer() as peer:
        await filled(server)
        dropped = await accepted_before_the_load(peer)
        disk.model("big").gate.open()
        assert (await peer.take(Done)).dropped == dropped
        answer = (await told(server))["messages"][-1]
        assert (answer["state"], answer["dropped"]) == ("done", dropped)


async def test_a_restart_keeps_what_was_left_out_for_a_model_that_was_loaded_first(tmp_path: Path) -> None:
    disk = small_disk()
    async with serving(small_model(), tmp_path, disk=disk) as server, server.peer() as peer:
        await filled(server)
        dropped = await accepted_before_the_load(peer)
        await server.registry.close()
    disk.make = small_model
    async with serving(small_model(), tmp_path, disk=disk) as server, server.peer() as peer:
        await peer.send(json.dumps({"type": "attach", "id": "g"}))
        assert (await peer.take(Done)).dropped == dropped
        answer = (await told(server))["messages"][-1]
        assert (answer["state"], answer["dropped"]) == ("done", dropped)
    async with serving(small_model(), tmp_path, disk=disk) as server, server.peer() as peer:
        await peer.send(json.dumps({"type": "attach", "id": "g"}))
        assert (await peer.take(Done)).dropped == dropped


async def test_full_conversation_is_refused_on_request() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server, truncation="disabled")
        refused = await turn(peer, "g1")
        assert isinstance(refused, Error) and refused.code == "context_overflow"
        accepted = await turn(peer, "g2", truncation="auto")
        assert isinstance(accepted, Accepted) and accepted.dropped
        assert (await told(server))["settings"]["truncation"] == "disabled"
        answer = await server.ask("PATCH", f"{AT}/c", '{"settings":{"truncation":"never"}}')
        assert answer.status == 400 and "truncation" in answer.body
        await server.ask("PATCH", f"{AT}/c", '{"settings":{}}')
        assert isinstance(await turn(peer, "g3"), Accepted)


async def test_an_answer_is_continued_in_a_full_conversation() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server)
        await turn(peer, "g1")
        accepted = await turn(peer, "g2", content=None, parent="g1")
        assert isinstance(accepted, Accepted) and accepted.dropped and accepted.message == "g1"
        assert (await told(server))["messages"][-1]["dropped"] == accepted.dropped


async def test_a_message_that_alone_is_too_long_is_refused_and_the_next_is_answered() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server)
        refused = await turn(peer, "g1", content="x" * 1000)
        assert isinstance(refused, Error) and refused.code == "context_overflow"
        assert len((await told(server))["messages"]) == 40
        assert isinstance(await turn(peer, "g2"), Accepted)


async def test_the_default_and_its_name_are_the_same_body() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server, turns=1)
        await turn(peer, "g")
        await peer.send(Generate(id="g", conversation="c", content="And then?", params=SHORT, truncation="auto"))
        await peer.take(Attached)


async def test_a_generation_that_nobody_watches_says_it_too() -> None:
    async with serving(small_model()) as server:
        await filled(server)
        answer = await server.ask("POST", "/generations", '{"id":"g","conversation":"c","content":"And then?"}')
        assert answer.status == 201 and json.loads(answer.body)["dropped"] > 0
