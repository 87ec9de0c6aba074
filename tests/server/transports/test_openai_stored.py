"""Stored responses over the scripted model: background, resumed streams, restarts, other principals."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from server.guard.guard import Guard
from server.guard.token_store import TokenStore, hash_of
from server.guard.tokens import Tokens, new_token
from server.openai.response_note import decoded_note
from server.transports import openai_response_reader
from server.transports.openai_stored import StoredResponse
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.listener import Event
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_openai_chat import chatml, error_of, said

RESPONSES = "/v1/responses"


def body(**fields: Any) -> str:
    return json.dumps({"input": "Hi", "seed": 7, **fields})


async def asked(server: RunningServer, method: str, path: str = "", sent: str | None = None, **headers: str) -> Any:
    """Return the decoded body of a request that succeeds."""
    reply = await server.ask(method, f"{RESPONSES}{path}", sent, headers)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


async def begun(server: RunningServer, **fields: Any) -> str:
    """Start a response in the background, and return its id once the model waits at its gate."""
    response = await asked(server, "POST", "", body(background=True, **fields))
    await server.held()
    return str(response["id"])


async def ended(server: RunningServer, id: str) -> dict[str, Any]:
    """Return a response once it has ended."""
    async with server.listen("GET", f"{RESPONSES}/{id}?stream=true") as listener:
        await listener.rest()
    found: dict[str, Any] = await asked(server, "GET", f"/{id}")
    return found


def numbers(events: list[Event]) -> list[int]:
    return [event.message["sequence_number"] for event in events]


def text_of(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item["content"])


async def test_a_response_is_read_again(server: RunningServer) -> None:
    made = await asked(server, "POST", "", body(metadata={"a": "b"}, instructions="Be brief."))
    assert (made["store"], made["background"], made["metadata"]) == (True, False, {"a": "b"})
    assert await asked(server, "GET", f"/{made['id']}") == made
    assert made["completed_at"] >= made["created_at"] > 0


async def test_a_response_that_is_not_stored_is_not_found(server: RunningServer) -> None:
    made = await asked(server, "POST", "", body(store=False))
    assert made["store"] is False
    assert server.registry.find(made["id"], "local")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
        reply = await server.ask(method, f"{RESPONSES}/{made['id']}{path}")
        assert (reply.status, error_of(reply)["code"], error_of(reply)["param"]) == (404, "not_found", "response_id")
    reply = await server.ask("POST", RESPONSES, body(previous_response_id=made["id"]))
    assert (reply.status, error_of(reply)["code"]) == (400, "previous_response_not_found")


async def test_the_next_response_goes_on_from_the_items_of_the_one_before(server: RunningServer) -> None:
    first = await asked(server, "POST", "", body(instructions="Be brief."))
    second = await asked(server, "POST", "", body(input="Ho", previous_response_id=first["id"]))
    assert second["previous_response_id"] == first["id"] and second["instructions"] is None
    answer = text_of(first)
    prompt = f"<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n" + chatml("Ho")
    assert text_of(second) == said(prompt)
    await asked(server, "DELETE", f"/{first['id']}")
    items = (await asked(server, "GET", f"/{second['id']}/input_items?order=asc"))["data"]
    assert [item["content"][0]["text"] for item in items] == ["Hi", answer, "Ho"]
    assert items[1]["id"] == first["output"][0]["id"]
    third = await asked(server, "POST", "", body(input="Hu", previous_response_id=second["id"]))
    page = await asked(server, "GET", f"/{third['id']}/input_items?limit=2")
    assert (page["has_more"], [item["content"][0]["text"] for item in page["data"]]) == (True, ["Hu", text_of(second)])


async def test_a_response_in_the_background_is_polled_and_stopped(server: RunningServer) -> None:
    server.model.gate.close()
    first = await begun(server)
    waiting = await asked(server, "POST", "", body(background=True))
    assert waiting["status"] == "queued"
    assert (await asked(server, "GET", f"/{waiting['id']}"))["status"] == "queued"
    server.model.gate.step(3)
    await server.held()
    running = await asked(server, "GET", f"/{first}")
    assert (running["status"], running["output"], running["usage"]) == ("in_progress", [], None)
    for _ in range(2):
        stopped = await asked(server, "POST", f"/{first}/cancel")
        assert (stopped["status"], stopped["error"]) == ("cancelled", None)
    server.model.gate.open()
    assert (await ended(server, waiting["id"]))["status"] == "completed"


async def test_a_running_response_can_not_be_continued_yet(server: RunningServer) -> None:
    server.model.gate.close()
    id = await begun(server)
    reply = await server.ask("POST", RESPONSES, body(previous_response_id=id))
    assert (reply.status, error_of(reply)["param"]) == (400, "previous_response_id")
    assert "cancel it" in error_of(reply)["message"]


async def test_a_deleted_response_is_stopped_and_forgotten(server: RunningServer) -> None:
    server.model.gate.close()
    id = await begun(server)
    size = server.registry.places._finished.size
    first, second = await asyncio.gather(*(server.ask("DELETE", f"{RESPONSES}/{id}") for _ in range(2)))
    assert json.loads(first.body) == {"id": id, "object": "response", "deleted": True}
    assert second.status in (200, 404)
    assert server.registry.active == [] and server.registry.places._finished.size == size
    for path in (f"{RESPONSES}/{id}", f"/generations/{id}"):
        assert (await server.ask("GET", path)).status == 404


@pytest.mark.parametrize("background", [False, True])
async def test_a_stream_is_read_on_after_any_event(server: RunningServer, background: bool) -> None:
    async with server.listen("POST", RESPONSES, body(stream=True, background=background)) as listener:
        whole = await listener.rest()
    id = whole[0].message["response"]["id"]
    assert numbers(whole) == list(range(len(whole)))
    for after in (-1, 0, 1, 7, len(whole) - 2, len(whole)):
        cursor = f"&starting_after={after}" if after >= 0 else ""
        async with server.listen("GET", f"{RESPONSES}/{id}?stream=true{cursor}") as listener:
            assert await listener.rest() == whole[after + 1 :]


async def test_a_client_that_leaves_the_stream_leaves_the_answer_running(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.listen("POST", RESPONSES, body(stream=True, background=True)) as listener:
        created = await listener.next()
        assert created and created.message["response"]["status"] == "queued"
        server.model.gate.step(5)
        before = [created, *[event for _ in range(4) if (event := await listener.next())]]
    id = created.message["response"]["id"]
    await server.until(lambda: not server.registry.get(id, re="status", principal="local").watchers)
    server.model.gate.open()
    last = numbers(before)[-1]
    async with server.listen("GET", f"{RESPONSES}/{id}?stream=true&starting_after={last}") as listener:
        after = await listener.rest()
    assert numbers(before + after) == list(range(len(before + after)))
    assert after[-1].name == "response.completed"
    deltas = [event.message["delta"] for event in before + after if event.name == "response.output_text.delta"]
    assert "".join(deltas) == said(chatml("Hi"))


async def test_a_stream_without_news_has_events_that_keep_it_open(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_response_reader, "KEEP_ALIVE_SECONDS", 0.01)
    server.model.gate.close()
    async with server.listen("POST", RESPONSES, body(stream=True)) as listener:
        first = [event for _ in range(4) if (event := await listener.next())]
        assert [event.name for event in first] == ["response.created", "response.in_progress", *["keepalive"] * 2]
        assert first[-1].message == {"type": "keepalive", "sequence_number": 1}
        id = first[0].message["response"]["id"]
        async with server.listen("GET", f"{RESPONSES}/{id}?stream=true&starting_after=1") as other:
            again = await other.next()
            assert again == first[-1]
        server.model.gate.open()
        rest = [event for event in await listener.rest() if event.name != "keepalive"]
    assert numbers(first[:2] + rest) == list(range(len(rest) + 2))


async def test_a_stream_in_the_background_has_no_end_while_the_server_restarts(server: RunningServer) -> None:
    server.model.gate.close()
    id = await begun(server)
    for path, method, sent, fails in (
        (f"{RESPONSES}/{id}?stream=true", "GET", None, False),
        (RESPONSES, "POST", body(stream=True, background=True), False),
        (RESPONSES, "POST", body(stream=True), True),
    ):
        server.connections.leaving.clear()
        async with server.listen(method, path, sent) as listener:
            assert await listener.next()
            server.connections.leaving.set()
            names = [event.name for event in await listener.rest()]
        assert ("response.failed" in names) == fails


async def test_a_response_outlives_its_server(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.gate.close()
    async with serving(model, tmp_path) as server:
        first = await asked(server, "POST", "", body(background=True, metadata={"a": "b"}, top_logprobs=None))
        async with server.listen("GET", f"{RESPONSES}/{first['id']}?stream=true") as listener:
            model.gate.step(7)
            await server.held()
            before = [event for _ in range(6) if (event := await listener.next())]
        await server.registry.close()
    async with serving(ScriptedModel(), tmp_path) as server:
        path = f"{RESPONSES}/{first['id']}?stream=true"
        async with server.listen("GET", path) as listener:
            again = await listener.rest()
        assert again[: len(before)] == before
        assert numbers(again) == list(range(len(again)))
        response = await asked(server, "GET", f"/{first['id']}")
        assert (response["status"], response["metadata"], response["id"]) == ("completed", {"a": "b"}, first["id"])
        assert (response["created_at"], text_of(response)) == (first["created_at"], said(chatml("Hi")))
        assert response == again[-1].message["response"]
        second = await asked(server, "POST", "", body(input="Ho", previous_response_id=first["id"]))
        assert second["status"] == "completed"


async def test_a_finished_response_and_its_input_are_still_there_after_a_restart(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server:
        made = await asked(server, "POST", "", body())
        gone = await asked(server, "POST", "", body())
        await asked(server, "DELETE", f"/{gone['id']}")
    async with serving(ScriptedModel(), tmp_path) as server:
        assert await asked(server, "GET", f"/{made['id']}") == made
        (item,) = (await asked(server, "GET", f"/{made['id']}/input_items"))["data"]
        assert item["content"] == [{"type": "input_text", "text": "Hi"}]
        assert (await server.ask("GET", f"{RESPONSES}/{gone['id']}")).status == 404


async def test_a_response_belongs_to_its_principal(tmp_path: Path) -> None:
    store, tokens = TokenStore(tmp_path), [new_token() for _ in range(2)]
    for name, token in zip(("alice", "bob"), tokens, strict=True):
        assert store.add(name, hash_of(token))
    alice, bob = ({"authorization": f"Bearer {token}"} for token in tokens)
    async with serving(ScriptedModel(), guard=Guard(tokens=Tokens(store))) as server:
        made = await asked(server, "POST", "", body(), **alice)
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
            reply = await server.ask(method, f"{RESPONSES}/{made['id']}{path}", headers=bob)
            assert (reply.status, error_of(reply)["code"]) == (404, "not_found")
        reply = await server.ask("POST", RESPONSES, body(previous_response_id=made["id"]), bob)
        assert error_of(reply)["code"] == "previous_response_not_found"
        assert await asked(server, "GET", f"/{made['id']}", **alice) == made


async def test_tokens_are_counted_without_an_answer(server: RunningServer) -> None:
    counted = await asked(server, "POST", "/input_tokens", body())
    made = await asked(server, "POST", "", body())
    assert counted == {"object": "response.input_tokens", "input_tokens": made["usage"]["input_tokens"]}
    after = body(input="Ho", previous_response_id=made["id"])
    longer = await asked(server, "POST", "/input_tokens", after)
    assert longer["input_tokens"] == (await asked(server, "POST", "", after))["usage"]["input_tokens"]


async def test_a_response_that_failed_is_kept(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    server.model.gate.close()
    id = await begun(server)
    server.model.failures.append(RuntimeError("the chip is on fire"))
    server.model.gate.open()
    failed = await ended(server, id)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_error")
    assert "the chip is on fire" in failed["error"]["message"]
    caplog.clear()


async def test_a_long_answer_is_sent_in_parts(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.transports.openai_response_reader.BATCH", 3)
    made = await asked(server, "POST", "", body())
    async with server.listen("GET", f"{RESPONSES}/{made['id']}?stream=true") as listener:
        events = await listener.rest()
    assert numbers(events) == list(range(len(events)))
    assert events[-1].message["response"] == made


async def test_the_time_of_the_end_is_that_of_the_log(server: RunningServer) -> None:
    made = await asked(server, "POST", "", body())
    assert made["created_at"] <= made["completed_at"] <= time.time() + 1


async def test_a_call_that_was_cut_is_not_carried_over(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await asked(server, "POST", "", body())
    generation = server.registry.get(made["id"], re="status", principal="local")
    note = decoded_note(generation.note)
    assert note
    calls = [{"type": "function_call", "status": status, "id": status} for status in ("completed", "incomplete")]

    async def now(response: StoredResponse) -> dict[str, Any]:
        return {"output": calls}

    monkeypatch.setattr(StoredResponse, "now", now)
    assert (await StoredResponse(generation, note).items())[1:] == calls[:1]
