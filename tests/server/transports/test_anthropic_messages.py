"""Messages over the scripted model: clients that leave, errors of every part of the server, and thinking."""

import json
from typing import Any

import pytest

from protocol.conformance.http import HttpResponse
from server.guard.guard import Guard
from server.guard.limits import UsageLimits
from server.guard.rates import Rates
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_openai_chat import said
from tests.server.transports.test_opened_thought import thinking_model

MESSAGES = "/v1/messages"
HELLO: Any = [{"role": "user", "content": "Hi"}]


def body(**fields: Any) -> str:
    return json.dumps({"messages": HELLO, "max_tokens": 100, "seed": 7, **fields})


def error_of(reply: HttpResponse) -> dict[str, Any]:
    """Return the error of a reply, after a check of its form."""
    assert reply.headers["content-type"] == "application/json"
    found = json.loads(reply.body)
    assert (set(found), found["type"]) == ({"type", "error"}, "error")
    error: dict[str, Any] = found["error"]
    assert set(error) == {"type", "message"} and error["message"]
    return error


async def test_thinking_comes_in_blocks() -> None:
    async with serving(thinking_model()) as server:
        whole = json.loads((await server.ask("POST", MESSAGES, body())).body)
        async with server.listen("POST", MESSAGES, body(stream=True)) as listener:
            events = await listener.rest()
    assert [block["type"] for block in whole["content"]] == ["thinking"]
    assert whole["content"][0]["thinking"] == said("[user:Hi]<think>\n").strip()
    assert [event.name for event in events[:3]] == ["message_start", "ping", "content_block_start"]
    deltas = [json.loads(event.data)["delta"] for event in events if event.name == "content_block_delta"]
    assert "".join(delta.get("thinking", "") for delta in deltas) == whole["content"][0]["thinking"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_model(server: RunningServer, stream: bool) -> None:
    server.model.gate.close()
    async with server.listen_for(MESSAGES, "POST", body(stream=stream)):
        await server.held()
        await server.until(lambda: len(server.registry.active) == 1)
    await server.until(lambda: server.registry.active == [])
    await server.until(lambda: server.model.kv == {})
    assert server.engine.stats().completion_tokens == 0


async def test_a_stream_that_is_stopped_ends_with_an_error(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.listen("POST", MESSAGES, body(stream=True)) as listener:
        first = await listener.next()
        assert first and first.name == "message_start"
        await server.held()
        await server.ask("DELETE", f"/generations/{json.loads(first.data)['message']['id']}")
        last = (await listener.rest())[-1]
    assert (last.name, json.loads(last.data)["error"]["type"]) == ("error", "api_error")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "kind"),
    [
        ("POST", MESSAGES, {"host": "evil.example"}, 403, "permission_error"),
        ("POST", MESSAGES, {"origin": "http://evil.example"}, 403, "permission_error"),
        ("GET", MESSAGES, {}, 405, "invalid_request_error"),
        ("POST", f"{MESSAGES}/batches", {}, 404, "not_found_error"),
        ("POST", MESSAGES, {"content-type": "text/plain"}, 415, "invalid_request_error"),
        ("POST", "/v1//messages", {"content-type": "text/plain"}, 415, "invalid_request_error"),
    ],
)
async def test_every_part_refuses_in_anthropics_form(
    server: RunningServer, method: str, path: str, headers: dict[str, str], status: int, kind: str
) -> None:
    reply = await server.ask(method, path, body() if method == "POST" else None, headers=headers)
    assert (reply.status, error_of(reply)["type"]) == (status, kind)


async def test_a_full_server_is_overloaded(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.registry.places, "queue_limit", 0)
    server.model.gate.close()
    async with server.listen("POST", MESSAGES, body(stream=True)) as listener:
        assert await listener.next()
        await server.held()
        reply = await server.ask("POST", MESSAGES, body())
    assert (reply.status, error_of(reply)["type"]) == (529, "overloaded_error")
    assert reply.headers["retry-after"]


async def test_too_many_requests_say_when_to_come_back() -> None:
    guard = Guard(limits=UsageLimits(messages=1))
    guard._rates = Rates(1e-6, 1)
    async with serving(ScriptedModel(), guard=guard) as server:
        await server.ask("GET", "/v1/models")
        reply = await server.ask("POST", f"{MESSAGES}/count_tokens", body())
    assert (reply.status, error_of(reply)["type"]) == (429, "rate_limit_error")
    assert int(reply.headers["retry-after"]) >= 1


async def test_a_fault_has_anthropics_form(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server.registry, "prepare", lambda *args, **kwargs: 1 / 0)
    reply = await server.ask("POST", MESSAGES, body())
    assert (reply.status, error_of(reply)["type"], reply.headers["x-should-retry"]) == (500, "api_error", "false")
    caplog.clear()
