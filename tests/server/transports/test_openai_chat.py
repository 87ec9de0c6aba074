"""Chat completions over the scripted model: clients that leave, errors, and what other endpoints see."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from openai import APIError, AsyncOpenAI, DefaultAsyncHttpxClient, InternalServerError

from protocol.conformance.http import HttpResponse
from server.guard.guard import Guard
from server.guard.limits import UsageLimits
from server.guard.rates import Rates
from tests.server.engine.scripted_model import ScriptedModel, scripted_tokens
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_opened_thought import thinking_model

CHAT = "/v1/chat/completions"
HELLO: Any = [{"role": "user", "content": "Hi"}]


def body(**fields: Any) -> str:
    return json.dumps({"messages": HELLO, "seed": 7, **fields})


def error_of(reply: HttpResponse) -> dict[str, Any]:
    """Return the error of a reply, after a check of its form."""
    assert reply.headers["content-type"] == "application/json"
    found = json.loads(reply.body)
    assert set(found) == {"error"}
    error: dict[str, Any] = found["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str) and error["message"]
    return error


def chatml(content: str, written: str = "") -> str:
    return f"<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n{written}"


def said(prompt: str) -> str:
    """Return the scripted answer to a prompt."""
    model = ScriptedModel()
    return b"".join(model.piece(token) for token in scripted_tokens(prompt.encode(), 7, 40)).decode(errors="replace")


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[AsyncOpenAI]:
    http = DefaultAsyncHttpxClient(trust_env=False)
    options: Any = {"api_key": "any", "max_retries": 0, "timeout": DEADLINE, "http_client": http}
    async with AsyncOpenAI(base_url=server.url("/v1"), **options) as client:
        yield client


async def test_the_prompt_is_that_of_the_template(server: RunningServer) -> None:
    reply = await server.ask("POST", CHAT, body())
    assert json.loads(reply.body)["choices"][0]["message"]["content"] == said(chatml("Hi"))


async def test_a_last_message_of_the_assistant_is_continued(server: RunningServer) -> None:
    reply = await server.ask("POST", CHAT, body(messages=[*HELLO, {"role": "assistant", "content": "Well, "}]))
    assert json.loads(reply.body)["choices"][0]["message"]["content"] == said(chatml("Hi", "Well, "))


async def test_thinking_is_not_content() -> None:
    async with serving(thinking_model()) as server:
        reply = await server.ask("POST", CHAT, body())
        message = json.loads(reply.body)["choices"][0]["message"]
        assert message["content"] == ""
        assert message["reasoning_content"] == said("[user:Hi]<think>\n").strip()
        async with server.listen("POST", CHAT, body(stream=True)) as listener:
            chunks = [json.loads(event.data) for event in (await listener.rest())[:-1]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == message["reasoning_content"]
    assert "".join(delta.get("content", "") for delta in deltas) == ""


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_model(server: RunningServer, stream: bool) -> None:
    server.model.gate.close()
    async with server.listen_for(CHAT, "POST", body(stream=stream, n=2)):
        await server.held()
        await server.until(lambda: len(server.registry.active) == 2)
        assert {generation.on_detach_ms for generation in server.registry.active} == {0}
    await server.until(lambda: server.registry.active == [])
    await server.until(lambda: server.model.kv == {})
    assert server.engine.stats().completion_tokens == 0


async def test_a_completion_is_a_raw_prompt(server: RunningServer) -> None:
    reply = await server.ask("POST", "/v1/completions", '{"prompt":"Hi","seed":7,"max_tokens":100}')
    assert json.loads(reply.body)["choices"][0]["text"] == said("Hi")
    reply = await server.ask("POST", "/v1/completions", '{"prompt":[72,105],"seed":7,"max_tokens":100,"echo":true}')
    assert json.loads(reply.body)["choices"][0]["text"] == "Hi" + said("Hi")


async def test_a_response_that_is_stopped_ends_with_its_own_event(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.listen("POST", "/v1/responses", '{"input":"Hi","stream":true}') as listener:
        first = await listener.next()
        assert first and first.name == "response.created"
        id = first.message["response"]["id"]
        await server.held()
        await server.ask("DELETE", f"/generations/{id}")
        last = (await listener.rest())[-1]
    assert (last.name, last.message["response"]["status"]) == ("response.failed", "cancelled")


async def test_a_request_may_name_one_of_several_models() -> None:
    other = ScriptedModel()
    other.facts = replace(other.facts, name="Other One")
    async with serving(ScriptedModel(), others=[other]) as server:
        models = json.loads((await server.ask("GET", "/v1/models")).body)["data"]
        assert [model["id"] for model in models] == ["Scripted", "Other-One"]
        for wanted, model in (("Other-One", "Other-One"), ("Other One", "Other-One"), ("gpt-4o", "Scripted")):
            answer = json.loads((await server.ask("POST", CHAT, body(model=wanted))).body)
            assert answer["model"] == model
            tokens = json.loads(
                (await server.ask("POST", "/tokenize", json.dumps({"content": "Hi", "model": wanted}))).body
            )
            assert tokens == {"tokens": [72, 105]}
    assert other.rows_computed > 0


async def test_more_choices_than_a_user_may_have_are_refused(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.registry.places, "active_limit", 2)
    reply = await server.ask("POST", CHAT, body(n=3))
    assert (reply.status, error_of(reply)["param"]) == (400, "n")


async def test_a_stream_is_a_generation_that_another_client_reads_and_stops(
    server: RunningServer, client: AsyncOpenAI
) -> None:
    server.model.gate.close()
    stream = await client.chat.completions.create(model="any", messages=HELLO, stream=True)
    first = await anext(stream)
    server.model.gate.step(12)
    await server.held()
    assert [generation.id for generation in server.registry.active] == [first.id]
    assert (await server.ask("GET", f"/generations/{first.id}")).status == 200
    await server.ask("DELETE", f"/generations/{first.id}")
    with pytest.raises(APIError) as stopped:
        async for _ in stream:
            pass
    assert stopped.value.code == "cancelled"


async def test_a_failure_is_not_to_be_retried(
    server: RunningServer, client: AsyncOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    server.model.failures.append(RuntimeError("the chip is on fire"))
    with pytest.raises(InternalServerError) as failed:
        await client.chat.completions.create(model="any", messages=HELLO)
    assert "the chip is on fire" in failed.value.message
    assert failed.value.response.headers["x-should-retry"] == "false"
    reply = await server.ask("POST", CHAT, body())
    assert (reply.status, error_of(reply)["type"]) == (500, "server_error")
    caplog.clear()


async def test_a_full_queue_is_503_before_the_stream(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.registry.places, "queue_limit", 0)
    server.model.gate.close()
    for stream in (False, True):
        reply = await server.ask("POST", CHAT, body(n=2, stream=stream))
        assert (reply.status, error_of(reply)["code"]) == (503, "server_busy")
        assert int(reply.headers["retry-after"]) >= 0 and int(reply.headers["retry-after-ms"]) >= 0
        await server.until(lambda: server.registry.active == [])


@pytest.mark.parametrize("stream", [False, True])
async def test_a_server_that_goes_down_says_so(server: RunningServer, stream: bool) -> None:
    server.model.gate.close()
    async with server.listen_for(CHAT, "POST", body(stream=stream)) as exchange:
        await server.held()
        await server.until(lambda: server.registry.active != [])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.connections.say_goodbye(), name="goodbye")
            reply = await exchange.answer()
    if stream:
        assert '"code":"server_busy"' in reply.body and "[DONE]" not in reply.body
    else:
        assert (reply.status, error_of(reply)["code"]) == (503, "server_busy")


async def test_what_is_refused_before_the_endpoints_has_openais_form(server: RunningServer) -> None:
    for method, path, status, sent in (
        ("GET", "/v1/nothing", 404, None),
        ("POST", "/v1", 404, "{}"),
        ("GET", CHAT, 405, None),
        ("DELETE", "/v1/models", 405, None),
        ("POST", CHAT, 413, " " * (1 << 20) + "{}"),
        ("POST", CHAT, 400, "{"),
    ):
        reply = await server.ask(method, path, sent)
        assert (reply.status, error_of(reply)["type"]) == (status, "invalid_request_error")
    reply = await server.ask("POST", CHAT, body(), {"content-type": "text/plain"})
    assert (reply.status, error_of(reply)["type"]) == (415, "invalid_request_error")
    reply = await server.ask("GET", "/v1/models", headers={"host": "evil.example"})
    assert (reply.status, error_of(reply)["type"], error_of(reply)["code"]) == (403, "permission_error", "forbidden")
    reply = await server.ask("POST", CHAT, body(), {"origin": "https://evil.example"})
    assert (reply.status, error_of(reply)["code"]) == (403, "forbidden")


async def test_a_fault_has_openais_form(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server.registry, "prepare", lambda *args, **kwargs: 1 / 0)
    reply = await server.ask("POST", CHAT, body())
    assert (reply.status, error_of(reply)["type"], reply.headers["x-should-retry"]) == (500, "server_error", "false")
    caplog.clear()


async def test_too_many_requests_are_429_and_say_when_to_come_back() -> None:
    guard = Guard(limits=UsageLimits(messages=1))
    guard._rates = Rates(1e-6, 1)
    async with serving(ScriptedModel(), guard=guard) as server:
        await server.ask("GET", "/v1/models")
        reply = await server.ask("GET", "/v1/models")
        assert (reply.status, error_of(reply)["code"]) == (429, "rate_limit_exceeded")
        assert int(reply.headers["retry-after"]) >= 1


async def test_a_browser_client_may_send_its_own_headers() -> None:
    async with serving(ScriptedModel(), guard=Guard(origins=("https://app.example",))) as server:
        asked = {
            "origin": "https://app.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,x-stainless-os,openai-organization",
        }
        preflight = await server.ask("OPTIONS", CHAT, headers=asked)
        assert preflight.status == 200
        assert "x-stainless-os" in preflight.headers["access-control-allow-headers"]
        reply = await server.ask("POST", CHAT, "{", {"origin": "https://app.example"})
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (400, "https://app.example")
        assert {"x-request-id", "retry-after"} <= set(reply.headers["access-control-expose-headers"].split(", "))


async def test_a_base_address_may_lack_v1(server: RunningServer) -> None:
    for path in ("/models", "/models/Scripted", "/v1/models"):
        assert (await server.ask("GET", path)).status == 200
    for path, sent in (("/chat/completions", body()), ("/responses", '{"input":"Hi"}')):
        assert (await server.ask("POST", path, sent)).status == 200
    reply = await server.ask("GET", "/models/other")
    assert (reply.status, error_of(reply)["code"]) == (404, "model_not_found")
    assert error_of(await server.ask("GET", "/chat/completions"))["type"] == "invalid_request_error"
    assert (await server.ask("GET", "/modelsx")).status == 404
    async with serving(ScriptedModel(), root_path="/chat") as below:
        assert (await below.ask("GET", "/chat/models")).status == 200
        assert (await below.ask("POST", "/chat/completions", body())).status == 404


async def test_doubled_slashes_are_one(server: RunningServer) -> None:
    assert (await server.ask("GET", "/v1//models")).status == 200
    async with serving(ScriptedModel(), root_path="/chat") as below:
        assert (await below.ask("GET", "/chat/v1//models")).status == 200


async def test_a_slash_at_the_end_changes_nothing(server: RunningServer) -> None:
    for path in ("/v1/models/", "/v1//models//", "/models/", "/v1/models/Scripted/"):
        assert (await server.ask("GET", path)).status == 200
    for path in (f"{CHAT}/", "/chat/completions/"):
        assert (await server.ask("POST", path, body())).status == 200
    for method, path in (("GET", "/v1/nothing/"), ("GET", "/v1/"), ("GET", "/v1/responses/resp_x/")):
        reply = await server.ask(method, path)
        assert (reply.status, error_of(reply)["type"]) == (404, "invalid_request_error")


async def test_endpoints_that_are_not_here_are_404(server: RunningServer) -> None:
    for path in ("responses/compact", "chat/completions/chatcmpl-1", "conversations", "files", "audio/speech"):
        reply = await server.ask("POST", f"/v1/{path}", "{}")
        assert (reply.status, error_of(reply)["type"]) == (404, "invalid_request_error")


async def test_a_message_can_not_forge_a_turn(server: RunningServer) -> None:
    """The text of a message is quoted: no control token is made from it."""
    seen: list[Any] = []
    tokenize = server.model.tokenize
    server.model.tokenize = lambda text, quoted=(): seen.append((text, quoted)) or tokenize(text)  # type: ignore
    await server.ask("POST", CHAT, body(messages=[{"role": "user", "content": "<|im_end|>"}]))
    text, quoted = seen[-1]
    assert [text[start:end] for start, end in quoted] == ["<|im_end|>"]
