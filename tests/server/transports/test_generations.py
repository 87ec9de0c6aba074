"""One generation without a stream: start, state, poll, cancel, and the whole answer (PROTOCOL 13.5 to 13.8)."""

import asyncio
import json
from hashlib import sha256
from typing import Any

import pytest

from protocol.conformance.http import HttpResponse as Reply
from protocol.conformance.http import send
from protocol.messages import DoneReason
from server.generations.ownership import LOCAL
from server.generations.restoring import OnRestart
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_connection import answer_to

BODY = '{"id":"g1","prompt":"Hi","raw":true,"params":{"seed":7}}'
REQUEST = "RequestResponseCycle.run_asgi"
"""Qualified name of the task that uvicorn starts for a request."""

TEXT = answer_to("Hi", 7, 40)


def told(answer: Reply, status: int = 200) -> dict[str, Any]:
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    content = json.loads(answer.body)
    assert isinstance(content, dict)
    return content


def lines(answer: Reply) -> list[dict[str, Any]]:
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


async def start(server: RunningServer, body: str = BODY) -> str:
    return str(told(await server.ask("POST", "/generations", body), 201)["epoch"])


async def test_generate_answers_with_the_whole_of_it(server: RunningServer) -> None:
    answer = told(await server.ask("POST", "/generate", BODY))
    assert (answer["id"], answer["text"], answer["reason"], answer["state"]) == ("g1", TEXT, "stop", "done")
    assert answer["usage"] == {"prompt_tokens": 2, "cached_tokens": 0, "completion_tokens": 40}
    assert answer["timings"]["total"] > 0
    assert told(await server.ask("GET", "/generations/g1")) == answer


@pytest.mark.parametrize("path", ["/generate", "/generate/stream", "/generations"])
@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (
            '{"prompt":"Hi","params":{"temperature":3}}',
            "invalid_field",
            "params.temperature must be a number",
        ),
        ('{"prompt":"Hi","temprature":1}', "unknown_field", "temprature"),
        ('{"type":"cancel"}', "invalid_field", "type must be generate"),
        ('{"prompt":" "}', "empty_prompt", "prompt"),
        ("Hi", "bad_json", "not JSON"),
        ("", "bad_json", "not JSON"),
        ('{"prompt":"' + "x" * 3000 + '"}', "context_overflow", "2048"),
    ],
)
async def test_a_bad_body_is_reported_as_on_the_socket(
    server: RunningServer, path: str, body: str, code: str, words: str
) -> None:
    error = told(await server.ask("POST", path, body), 400)
    assert (error["type"], error["code"]) == ("error", code)
    assert words in error["message"]


async def test_the_type_may_be_there(server: RunningServer) -> None:
    assert told(await server.ask("POST", "/generate", '{"type":"generate","prompt":"Hi"}'))["reason"] == "stop"


async def test_only_json_is_taken(server: RunningServer) -> None:
    answer = await server.ask("POST", "/generate", BODY, {"content-type": "text/plain"})
    assert "--json" in told(answer, 415)["message"]


async def test_a_client_that_goes_away_ends_its_answer(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.listen_for("/generate", "POST", BODY):
        await server.held()
    await server.until(lambda: not server.registry.active)
    assert told(await server.ask("GET", "/generations/g1"))["reason"] == "cancelled"


async def test_on_detach_ms_says_otherwise(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.listen_for("/generate", "POST", BODY[:-1] + ',"on_detach_ms":null}'):
        await server.held()
    generation = server.registry.get("g1", re="test", principal=LOCAL)
    await server.until(lambda: not generation.watchers)
    server.model.gate.open()
    await server.until(lambda: generation.log.done is not None)
    assert told(await server.ask("GET", "/generations/g1"))["reason"] == "stop"


async def test_start_says_201_and_the_same_again_200(server: RunningServer) -> None:
    server.model.gate.close()
    first = await server.ask("POST", "/generations", BODY)
    assert first.headers["location"] == "/generations/g1"
    assert told(await server.ask("POST", "/generations", BODY)) == told(first, 201)
    error = told(await server.ask("POST", "/generations", BODY.replace("Hi", "Ho")), 409)
    assert error["code"] == "id_conflict"


async def test_generation_started_without_stream_has_no_reader(server: RunningServer) -> None:
    server.model.gate.close()
    await start(server, BODY[:-1] + ',"on_detach_ms":0}')
    await server.until(lambda: not server.registry.active)
    assert told(await server.ask("GET", "/generations/g1"))["reason"] == "cancelled"


async def test_state_shows_the_text_so_far(server: RunningServer) -> None:
    server.model.gate.close()
    epoch = await start(server)
    await server.held()
    state = told(await server.ask("GET", "/generations/g1"))
    assert state == {"id": "g1", "epoch": epoch, "state": "prefill", "seq": 0, "text": ""}
    server.model.gate.step(12)
    await server.held()
    await server.until(lambda: server.registry.get("g1", re="test", principal=LOCAL).log.seq > 1)
    state = told(await server.ask("GET", "/generations/g1"))
    assert state["state"] == "decode"
    assert state["seq"] > 1
    assert TEXT.startswith(state["text"])
    assert state["text"]
    assert "reason" not in state


async def test_polls_bring_the_whole_text_piece_by_piece(server: RunningServer) -> None:
    server.model.gate.close()
    epoch = await start(server)
    await server.held()
    empty = await server.ask("GET", "/generations/g1/poll?wait=0")
    assert (empty.status, empty.body) == (204, "")
    text, after, polls, done = "", 0, 0, None
    while done is None:
        await server.held() if server.registry.active else None
        server.model.gate.step(8)
        for message in lines(await server.ask("GET", f"/generations/g1/poll?after={after}&epoch={epoch}")):
            if message["type"] == "done":
                done = message
            else:
                assert message["seq"] - message["n"] == after
                text, after, polls = text + message["text"], message["seq"], polls + 1
    assert text == TEXT
    assert polls > 3
    assert done["sha256"] == sha256(TEXT.encode()).hexdigest()


async def test_a_poll_after_the_end_brings_done_at_once(server: RunningServer) -> None:
    await server.ask("POST", "/generate", BODY)
    done = lines(await server.ask("GET", "/generations/g1/poll"))[-1]
    for after in (done["seq"] - 1, done["seq"]):
        assert lines(await server.ask("GET", f"/generations/g1/poll?after={after}")) == [done]


@pytest.mark.parametrize("query", ["epoch=another&after=3", "after=4000"])
async def test_a_cursor_of_no_use_gets_a_snapshot(server: RunningServer, query: str) -> None:
    await server.ask("POST", "/generate", BODY)
    snapshot, done = lines(await server.ask("GET", f"/generations/g1/poll?{query}"))
    assert (snapshot["type"], snapshot["text"], done["type"]) == ("snapshot", TEXT, "done")
    assert snapshot["seq"] + 1 == done["seq"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("after=-1", "after must be a whole number from 0 to 9007199254740991, not '-1'"),
        ("after=9007199254740992", "after must be a whole number from 0 to 9007199254740991, not '9007199254740992'"),
        ("after=1.5", "after must be a whole number from 0 to 9007199254740991, not '1.5'"),
        ("epoch=a+b", "epoch must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, not 'a b'"),
        ("wait=61", "wait must be a number of seconds from 0 to 60, not '61'"),
    ],
)
async def test_a_bad_query_is_named(server: RunningServer, query: str, message: str) -> None:
    await start(server)
    error = told(await server.ask("GET", f"/generations/g1/poll?{query}"), 400)
    assert (error["code"], error["message"]) == ("invalid_field", message)


async def test_delete_answers_once_nothing_is_computed_any_more(server: RunningServer) -> None:
    server.model.gate.close()
    await start(server)
    await server.held()
    done = told(await server.ask("DELETE", "/generations/g1"))
    assert (done["type"], done["reason"]) == ("done", DoneReason.CANCELLED)
    assert done["timings"]["stop"] >= 0
    assert server.model.kv == {}
    error = told(await server.ask("DELETE", "/generations/g1"), 409)
    assert error["code"] == "already_done"


async def test_an_unknown_id_is_404_everywhere(server: RunningServer) -> None:
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/poll"), ("DELETE", "")):
        error = told(await server.ask(method, f"/generations/nobody{path}"), 404)
        assert (error["code"], error["id"]) == ("unknown_id", "nobody")


async def test_a_full_queue_is_503_and_says_when_to_come_back(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.registry.places, "queue_limit", 0)
    server.model.gate.close()
    await start(server)
    for path in ("/generations", "/generate", "/generate/stream"):
        answer = await server.ask("POST", path, '{"prompt":"Hi"}')
        assert told(answer, 503)["code"] == "busy"
        assert answer.headers["retry-after"] == "1"


async def test_a_failure_is_500_with_the_text_so_far(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    server.model.gate.close()
    async with server.listen_for("/generate", "POST", BODY) as exchange:
        server.model.gate.step(12)
        await server.held()
        server.model.failures.append(RuntimeError("the chip is on fire"))
        server.model.gate.open()
        answer = told(await exchange.answer(), 500)
    assert answer["reason"] == "failed"
    assert "the chip is on fire" in answer["error"]["message"]
    assert TEXT.startswith(answer["text"])
    assert answer["text"]
    assert told(await server.ask("POST", "/generate", '{"prompt":"Hi"}'), 503)["code"] == "engine_failed"
    caplog.clear()


async def test_a_server_that_goes_down_says_so_to_those_who_wait(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.listen_for("/generate", "POST", BODY) as exchange:
        await server.held()
        async with server.listen_for("/generations/g1/poll?wait=60") as poll:
            await server.waits_in("_next")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.connections.say_goodbye(), name="goodbye")
                for answer in (await exchange.answer(), await poll.answer()):
                    assert told(answer, 503)["code"] == "busy"
                    assert answer.headers["retry-after"] == "2"


async def test_a_client_that_goes_in_the_middle_of_its_request_is_no_error(server: RunningServer) -> None:
    exchange = await send("POST", server.url("/generations"), BODY.encode(), {"content-length": "1000"})
    await server.waits_in(REQUEST)
    exchange.abort()
    await server.until(lambda: REQUEST not in {getattr(t.get_coro(), "__qualname__", "") for t in asyncio.all_tasks()})
    assert told(await server.ask("POST", "/generations", BODY), 201)["id"] == "g1"


async def test_an_answer_that_the_next_start_continues_with_is_to_be_asked_for_again(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.listen_for("/generate", "POST", BODY) as exchange:
        server.model.gate.step(12)
        await server.held()
        await server.registry.close()
        await server.connections.say_goodbye()
        assert told(await exchange.answer(), 503)["code"] == "busy"


async def test_an_answer_that_the_end_of_the_server_cuts_short_is_reported() -> None:
    model = ScriptedModel()
    model.gate.close()
    async with (
        serving(model, on_restart=OnRestart.INTERRUPT) as server,
        server.listen_for("/generate", "POST", BODY) as exchange,
    ):
        model.gate.step(12)
        await server.held()
        await server.registry.close()
        await server.connections.say_goodbye()
        answer = told(await exchange.answer(), 503)
    assert answer["reason"] == "interrupted"
    assert answer["text"]
