"""Responses over a WebSocket, with the scripted model: lanes, warm-up, steering, errors, and how a socket ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protocol.codec import MAX_FRAME_BYTES
from server.guard.guard import Guard
from server.guard.limits import UsageLimits
from server.guard.rates import Rates
from server.guard.token_store import TokenStore, hash_of
from server.guard.tokens import Tokens, new_token
from server.transports import openai_response_reader
from server.transports.connections import Transport
from server.transports.openai_lanes import MAX_NAMED, MAX_WAITING
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_metrics import scraped, value
from tests.server.transports.test_openai_chat import chatml
from tests.server.transports.test_openai_chat import said as all_said
from tests.server.transports.test_openai_stored import asked, text_of

ADD: dict[str, Any] = {
    "type": "function",
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"]},
}

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


def said(prompt: str) -> str:
    """Return the text of the scripted answer to a prompt, without a last character of which a part is missing."""
    return all_said(prompt).removesuffix("\ufffd")


class Socket:
    """A client of ``/v1/responses``."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **fields: Any) -> None:
        await self.connection.send(json.dumps(fields))

    async def create(self, text: Any = "Hi", **fields: Any) -> None:
        await self.send(type="response.create", input=text, seed=7, **fields)

    async def steer(self, previous: str, text: Any) -> None:
        await self.send(type="response.steer", previous_response_id=previous, input=text)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE):
            found: dict[str, Any] = json.loads(await self.connection.recv())
        return found

    async def take(self, *types: str) -> dict[str, Any]:
        """Return the next event of one of these types; earlier ones are dropped."""
        while (event := await self.next())["type"] not in types:
            pass
        return event

    async def events(self) -> list[dict[str, Any]]:
        """Return all events up to the end of a response, or an error."""
        found = [await self.next()]
        while found[-1]["type"] not in ENDS:
            found.append(await self.next())
        return found

    async def response(self) -> dict[str, Any]:
        """Return the next response that has ended."""
        found: dict[str, Any] = (await self.events())[-1]["response"]
        return found

    async def closed(self) -> int | None:
        """Return the close code, once the server has closed the socket."""
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await self.next()
        return closed.value.rcvd.code if closed.value.rcvd else None


@contextlib.asynccontextmanager
async def opened(server: RunningServer, token: str | None = None) -> AsyncIterator[Socket]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = f"ws://127.0.0.1:{server.port}/v1/responses"
    options: Any = {"proxy": None, "ping_interval": None, "open_timeout": DEADLINE, "additional_headers": headers}
    async with connect(url, **options) as connection:
        yield Socket(connection)


async def test_a_response_without_news_has_events_that_keep_it_open(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_response_reader, "KEEP_ALIVE_SECONDS", 0.01)
    server.model.gate.close()
    async with opened(server) as socket:
        await socket.create(stream_id="a")
        for _ in range(2):
            assert await socket.take("keepalive") == {"type": "keepalive", "sequence_number": 1, "stream_id": "a"}
        server.model.gate.open()
        assert (await socket.response())["status"] == "completed"


async def test_the_events_are_those_of_the_stored_stream(server: RunningServer) -> None:
    async with opened(server) as socket:
        await socket.create(stream=True)
        events = await socket.events()
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert text_of(events[-1]["response"]) == said(chatml("Hi"))
    assert not any("stream_id" in event for event in events)
    id = events[0]["response"]["id"]
    async with server.listen("GET", f"/v1/responses/{id}?stream=true") as listener:
        assert [event.message for event in await listener.rest()] == events


async def test_an_open_socket_is_counted(server: RunningServer) -> None:
    async def counts() -> tuple[float, float]:
        found = await scraped(server)
        return (
            value(found, "connections", transport="responses"),
            value(found, "connections_opened_total", transport="responses"),
        )

    assert await counts() == (0, 0)
    async with opened(server) as socket:
        await socket.create()
        await socket.response()
        assert await counts() == (1, 1)
    await server.until(lambda: server.connections.by_transport()[Transport.RESPONSES] == 0)
    assert await counts() == (0, 1)


async def test_a_lane_is_in_order_and_lanes_run_at_once(wide_server: RunningServer) -> None:
    async with opened(wide_server) as socket:
        wide_server.model.gate.close()
        for lane, text in (("a", "a1"), ("a", "a2"), ("b", "b1"), (None, "c1")):
            await socket.create(text, metadata={"text": text}, **({"stream_id": lane} if lane else {}))
        first = [await socket.take("response.created") for _ in range(3)]
        assert {event["response"]["metadata"]["text"] for event in first} == {"a1", "b1", "c1"}
        await wide_server.until(lambda: len(wide_server.registry.active) == 3)
        wide_server.model.gate.open()
        seen: list[dict[str, Any]] = []
        while [event["type"] for event in seen].count("response.completed") < 4:
            seen.append(await socket.next())
    for lane, count in (("a", 2), ("b", 1), (None, 1)):
        types = [event["type"] for event in seen if event.get("stream_id") == lane]
        assert types.count("response.completed") == count
    of_a = [event for event in seen if event.get("stream_id") == "a"]
    ends = [place for place, event in enumerate(of_a) if event["type"] == "response.completed"]
    assert {event["response"]["id"] for event in of_a[: ends[0]] if "response" in event} <= {
        event["response"]["id"] for event in first
    }
    assert of_a[ends[0] + 1]["type"] == "response.created"
    assert of_a[ends[0] + 1]["response"]["metadata"]["text"] == "a2"


async def test_a_response_that_is_not_stored_is_known_to_its_connection_only(server: RunningServer) -> None:
    async with opened(server) as socket, opened(server) as other:
        await socket.create(store=False)
        first = await socket.response()
        await socket.create("Ho", store=False, previous_response_id=first["id"], stream_id="fork")
        prompt = f"<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n{text_of(first)}<|im_end|>\n" + chatml("Ho")
        assert text_of(await socket.response()) == said(prompt)
        await other.create("Ho", previous_response_id=first["id"])
        (error,) = await other.events()
        assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")
        assert (await server.ask("GET", f"/v1/responses/{first['id']}")).status == 404


async def test_only_the_newest_responses_are_kept(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.transports.openai_socket_responses.KEPT", 2)
    async with opened(server) as socket:
        ids = []
        for _ in range(3):
            await socket.create(store=False)
            ids.append((await socket.response())["id"])
        for id, known in zip(ids, (False, True, True), strict=True):
            await socket.create("Ho", previous_response_id=id, max_output_tokens=1)
            assert ((await socket.events())[-1]["type"] != "error") == known


async def test_a_warm_up_reads_the_prompt_and_writes_nothing(server: RunningServer) -> None:
    async with opened(server) as socket:
        instructions = "Be brief. " * 20
        await socket.create([], generate=False, store=False, instructions=instructions)
        created, completed = await socket.events()
        assert (created["type"], completed["type"]) == ("response.created", "response.completed")
        warm = completed["response"]
        assert (warm["status"], warm["output"], warm["usage"]["output_tokens"]) == ("completed", [], 0)
        await socket.create("Hi", previous_response_id=warm["id"], instructions=instructions)
        response = await socket.response()
    assert response["usage"]["input_tokens_details"]["cached_tokens"] > len(instructions)
    prompt = f"<|im_start|>system\n{instructions}<|im_end|>\n{chatml('Hi')}"
    assert text_of(response) == said(prompt)


async def test_the_items_of_a_warm_up_are_continued(server: RunningServer) -> None:
    async with opened(server) as socket:
        await socket.create("Hi", generate=False)
        warm = await socket.response()
        await socket.send(type="response.create", previous_response_id=warm["id"], seed=7)
        assert text_of(await socket.response()) == said(chatml("Hi"))
    assert (await asked(server, "GET", f"/{warm['id']}"))["output"] == []


async def steered(server: RunningServer, socket: Socket, **fields: Any) -> dict[str, Any]:
    """Start a response, and return its first event once the model waits after some tokens."""
    server.model.gate.close()
    await socket.create(**fields)
    created = await socket.take("response.created")
    server.model.gate.step(6)
    await socket.take("response.output_text.delta")
    await server.held()
    return created


@pytest.mark.parametrize("store", [True, False])
async def test_a_running_response_is_steered(server: RunningServer, store: bool) -> None:
    async with opened(server) as socket:
        created = await steered(server, socket, store=store, stream_id="a", instructions="Be brief.", temperature=0.5)
        id = created["response"]["id"]
        await socket.steer(id, "Ho")
        accepted = await socket.take("response.steer.accepted")
        assert (accepted["steer"]["previous_response_id"], accepted["stream_id"]) == (id, "a")
        server.model.gate.open()
        rest = await socket.events()
        response = rest[-1]["response"]
        assert (rest[-1]["type"], response["status"], response["incomplete_details"]) == (
            "response.incomplete",
            "incomplete",
            {"reason": "steered"},
        )
        assert [event["type"] for event in rest[-4:-1]] == [
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
        ]
        following = await socket.events()
    successor = following[-1]["response"]
    assert (following[0]["type"], following[0]["stream_id"]) == ("response.created", "a")
    assert (successor["previous_response_id"], successor["instructions"], successor["store"]) == (
        id,
        "Be brief.",
        store,
    )
    written = text_of(response)
    assert written
    before = f"<|im_start|>system\nBe brief.<|im_end|>\n{chatml('Hi')}"
    assert text_of(successor) == said(f"{before}{written}<|im_end|>\n{chatml('Ho')}")
    assert successor["usage"]["input_tokens_details"]["cached_tokens"] >= len(before)
    if store:
        kept = await asked(server, "GET", f"/{id}")
        assert kept == response
        async with server.listen("GET", f"/v1/responses/{id}?stream=true") as listener:
            assert (await listener.rest())[-1].message["response"] == response


async def test_a_steered_response_is_so_after_a_restart(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, opened(server) as socket:
        created = await steered(server, socket)
        await socket.steer(created["response"]["id"], "Ho")
        await socket.take("response.steer.accepted")
        server.model.gate.open()
        response = await socket.response()
        await socket.response()
    async with serving(ScriptedModel(), tmp_path) as server:
        assert await asked(server, "GET", f"/{response['id']}") == response
    assert response["incomplete_details"] == {"reason": "steered"}


async def test_several_inputs_begin_one_response_before_what_waits_in_the_lane(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(server) as socket:
        id = (await steered(server, socket))["response"]["id"]
        await socket.create("later")
        stops: list[float] = []
        monkeypatch.setattr(server.registry, "cancel", lambda id, received, principal: stops.append(received))
        for text in ("one", [{"role": "user", "content": "two"}]):
            await socket.steer(id, text)
            await socket.take("response.steer.accepted")
        monkeypatch.undo()
        server.registry.cancel(id, *stops, principal="local")
        server.model.gate.open()
        responses = [await socket.response() for _ in range(3)]
    assert [response["previous_response_id"] for response in responses] == [None, id, None]
    items = (await asked(server, "GET", f"/{responses[1]['id']}/input_items?order=asc"))["data"]
    assert [item["content"][0]["text"] for item in items if item["role"] == "user"] == ["Hi", "one", "two"]


async def test_input_that_can_not_be_taken_is_given_back(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(server) as socket, opened(server) as other:
        created = await steered(server, socket)
        id = created["response"]["id"]

        async def failed(by: Socket, previous: str, text: Any, **more: Any) -> str:
            await by.send(type="response.steer", previous_response_id=previous, input=text, **more)
            event = await by.take("response.steer.failed")
            assert event["steer"] == {"previous_response_id": previous, "input": text}
            assert event["error"]["type"] == "invalid_request_error" and event["error"]["message"]
            return str(event["error"]["code"])

        assert await failed(socket, "resp_nobody", "Ho") == "response_not_found"
        assert await failed(other, id, "Ho") == "response_already_completed"
        for text in ("", " ", [], 7, [{"role": "system", "content": "x"}], [{"type": "reasoning"}]):
            assert await failed(socket, id, text) == "invalid_input"
        assert await failed(socket, id, "Ho", stream_id="a") == "invalid_input"
        monkeypatch.setattr("server.transports.openai_socket_responses.MAX_PENDING", 0)
        assert await failed(socket, id, "Ho") == "too_many_pending_steers"
        server.model.gate.open()
        assert (await socket.response())["status"] == "completed"
        assert await failed(socket, id, "Ho") == "response_already_completed"


async def pending(server: RunningServer, socket: Socket, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Steer a response that ends with a call before it could be stopped, and return the event for its input."""
    server.model.gate.close()
    await socket.create(tools=[ADD], tool_choice="required", stream_id="a")
    id = (await socket.take("response.created"))["response"]["id"]
    with monkeypatch.context() as patched:
        patched.setattr(server.registry, "cancel", lambda *args, **names: None)
        await socket.steer(id, "Ho")
        accepted = await socket.take("response.steer.accepted")
    server.model.gate.open()
    response = await socket.response()
    (call,) = response["output"]
    event = await socket.next()
    assert (event["type"], event["stream_id"]) == ("response.steer.pending", "a")
    assert event["reason"] == "waiting_for_required_input"
    assert event["required_input"] == [{"type": "function_call_output", "call_id": call["call_id"], "name": "add"}]
    assert event["steer"] == accepted["steer"] == {"id": accepted["steer"]["id"], "previous_response_id": id}
    return event


async def test_input_after_a_call_waits_for_its_result(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(server) as socket:
        event = await pending(server, socket, monkeypatch)
        id, (needed,) = event["steer"]["previous_response_id"], event["required_input"]
        await socket.create("x" * 3000, previous_response_id=id, stream_id="a")
        assert (await socket.next())["error"]["code"] == "context_length_exceeded"
        await socket.create([needed | {"output": "2"}], previous_response_id=id, stream_id="a")
        response = await socket.response()
        await socket.create("And now?", previous_response_id=id)
        later = await socket.response()
    items = (await asked(server, "GET", f"/{response['id']}/input_items?order=asc"))["data"]
    assert [item["type"] for item in items] == ["message", "function_call", "message", "function_call_output"]
    assert items[2]["content"][0]["text"] == "Ho"
    items = (await asked(server, "GET", f"/{later['id']}/input_items?order=asc"))["data"]
    assert [item["type"] for item in items] == ["message", "function_call", "message"]


async def test_input_that_waits_is_given_back_when_there_is_too_much(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.transports.openai_socket_responses.KEPT", 0)
    async with opened(server) as socket:
        event = await pending(server, socket, monkeypatch)
        failed = await socket.next()
        assert (failed["type"], failed["error"]["code"]) == ("response.steer.failed", "successor_creation_failed")
        assert (failed["steer"]["id"], failed["steer"]["input"]) == (event["steer"]["id"], "Ho")


async def test_a_response_that_another_client_stops_is_not_steered(server: RunningServer) -> None:
    async with opened(server) as socket:
        id = (await steered(server, socket))["response"]["id"]
        generation = server.registry.get(id, re="status", principal="local")
        generation.cancel_received = 1.0
        await socket.steer(id, "Ho")
        assert (await socket.take("response.steer.failed"))["error"]["code"] == "response_not_active"
        server.model.gate.open()
        assert (await socket.response())["status"] == "completed"


async def test_input_whose_response_can_not_begin_is_given_back(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(server) as socket:
        id = (await steered(server, socket))["response"]["id"]
        await socket.steer(id, "x" * 3000)
        accepted = await socket.take("response.steer.accepted")
        server.model.gate.open()
        assert (await socket.response())["incomplete_details"] == {"reason": "steered"}
        failed = await socket.take("response.steer.failed")
        assert failed["error"]["code"] == "successor_creation_failed"
        assert (failed["steer"]["id"], failed["steer"]["input"]) == (accepted["steer"]["id"], "x" * 3000)
        await socket.create()
        assert (await socket.response())["status"] == "completed"


FRAMES: list[tuple[str | bytes, int, str | None, str | None]] = [
    ("{", 400, None, None),
    ("[]", 400, None, None),
    ("7", 400, None, None),
    (b"{}", 400, None, None),
    ("[" * 500_000, 400, None, None),
    ("{}", 400, "invalid_value", "type"),
    ('{"type":"response.cancel"}', 400, "invalid_value", "type"),
    ('{"type":["response.create"]}', 400, "invalid_value", "type"),
    ('{"type":"response.steer"}', 400, None, "previous_response_id"),
    ('{"type":"response.create"}', 400, "missing_required_parameter", "input"),
    ('{"type":"response.create","input":"Hi","stream_id":""}', 400, "invalid_stream_id", "stream_id"),
    ('{"type":"response.create","input":"Hi","stream_id":"a b"}', 400, "invalid_stream_id", "stream_id"),
    ('{"type":"response.create","input":"Hi","stream_id":"a\\n"}', 400, "invalid_stream_id", "stream_id"),
    ('{"type":"response.create","input":"Hi","stream_id":7}', 400, "invalid_stream_id", "stream_id"),
    (f'{{"type":"response.create","input":"Hi","stream_id":"{"x" * 257}"}}', 400, "invalid_stream_id", "stream_id"),
    ('{"type":"response.create","input":"Hi","background":true}', 400, "unsupported_parameter", "background"),
    ('{"type":"response.create","input":"Hi","generate":"no"}', 400, None, "generate"),
    ('{"type":"response.create","input":"Hi","temperature":3}', 400, None, "temperature"),
    ('{"type":"response.create","input":"' + "x" * 3000 + '"}', 400, "context_length_exceeded", "input"),
    (
        '{"type":"response.create","input":"Hi","previous_response_id":"resp_x"}',
        400,
        "previous_response_not_found",
        "previous_response_id",
    ),
]


@pytest.mark.parametrize(("frame", "status", "code", "param"), FRAMES)
async def test_an_error_leaves_the_socket_open(
    server: RunningServer, frame: str | bytes, status: int, code: str | None, param: str | None
) -> None:
    async with opened(server) as socket:
        await socket.connection.send(frame)
        error = await socket.next()
        assert (error["type"], error["status"]) == ("error", status)
        assert set(error["error"]) >= {"type", "code", "message", "param"}
        assert (error["error"]["code"], error["error"]["param"]) == (code, param)
        await socket.create(max_output_tokens=1)
        assert (await socket.response())["status"] == "incomplete"


async def test_an_error_names_its_lane(server: RunningServer) -> None:
    async with opened(server) as socket:
        await socket.create(7, stream_id="a")
        assert (await socket.next())["stream_id"] == "a"


async def test_there_are_so_many_lanes_and_waiting_requests_at_most(server: RunningServer) -> None:
    async with opened(server) as socket:
        server.model.gate.close()
        for number in range(MAX_NAMED + 1):
            await socket.create(stream_id=f"lane{number}")
        error = await socket.take("error")
        assert (error["error"]["code"], error["stream_id"]) == ("websocket_stream_limit_reached", f"lane{MAX_NAMED}")
        for _ in range(MAX_WAITING):
            await socket.create(stream_id="lane0")
        error = await socket.take("error")
        assert (error["status"], error["error"]["code"]) == (429, "rate_limit_exceeded")


async def test_too_many_frames_are_429(server: RunningServer) -> None:
    guard = Guard(limits=UsageLimits(messages=1))
    guard._rates = Rates(1e-6, 1)
    async with serving(ScriptedModel(), guard=guard) as strict, opened(strict) as socket:
        for _ in range(3):
            await socket.send(type="response.cancel")
        assert (await socket.next())["status"] == 400
        error = await socket.next()
        assert (error["status"], error["error"]["code"]) == (429, "rate_limit_exceeded")
        assert int(error["error"]["headers"]["retry-after"]) >= 1


async def test_a_frame_that_is_too_long_closes_the_socket(server: RunningServer) -> None:
    async with opened(server) as socket:
        await socket.connection.send("x" * (MAX_FRAME_BYTES + 1))
        assert await socket.closed() == 1009


async def test_a_client_that_leaves_stops_its_answers(wide_server: RunningServer) -> None:
    async with opened(wide_server) as socket:
        wide_server.model.gate.close()
        for lane in ("a", "b", "a"):
            await socket.create(stream_id=lane)
        for _ in range(2):
            await socket.take("response.created")
    await wide_server.until(lambda: wide_server.registry.active == [])
    assert wide_server.engine.stats().completion_tokens == 0
    async with opened(wide_server) as socket:
        wide_server.model.gate.open()
        await socket.create()
        assert (await socket.response())["status"] == "completed"


async def test_a_server_that_goes_down_closes_with_1012(server: RunningServer) -> None:
    async with opened(server) as socket:
        server.model.gate.close()
        await socket.create()
        await socket.take("response.created")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.connections.say_goodbye(), name="goodbye")
            assert await socket.closed() == 1012
    await server.until(lambda: server.registry.active == [])


async def test_a_fault_ends_one_response_only(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(server) as socket:
        with monkeypatch.context() as patch:
            patch.setattr(server.registry, "prepare", lambda *args, **kwargs: 1 / 0)
            await socket.create(stream_id="a")
            error = await socket.next()
        assert (error["status"], error["error"]["type"], error["stream_id"]) == (500, "server_error", "a")
        await socket.create(stream_id="a")
        assert (await socket.response())["status"] == "completed"
    caplog.clear()


async def test_a_revoked_token_closes_with_1008(tmp_path: Path) -> None:
    store, token = TokenStore(tmp_path), new_token()
    assert store.add("alice", hash_of(token))
    async with serving(ScriptedModel(), guard=Guard(tokens=Tokens(store))) as server:
        for given in (None, "sui_wrong"):
            with pytest.raises(InvalidStatus) as refused:
                async with opened(server, given):
                    pass
            response = refused.value.response
            assert (response.status_code, json.loads(response.body or b"")["error"]["code"]) == (401, "invalid_api_key")
        async with opened(server, token) as socket:
            server.model.gate.close()
            await socket.create()
            await socket.take("response.created")
            other = TokenStore(tmp_path)
            assert other.revoke("alice")
            other.close()
            assert await socket.closed() == 1008
        await server.until(lambda: server.registry.active == [])


async def test_a_user_has_so_many_sockets(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(ScriptedModel(), guard=Guard(limits=UsageLimits(sockets=1))) as server:
        async with opened(server):
            with pytest.raises(InvalidStatus) as refused:
                async with opened(server):
                    pass
            response = refused.value.response
            assert response.status_code == 429 and int(response.headers["retry-after"]) >= 1
            assert json.loads(response.body or b"")["error"]["code"] == "rate_limit_exceeded"
        await server.until(lambda: len(server.guard._counts) == 0)
        async with opened(server) as socket:
            await socket.create(max_output_tokens=1)
            assert await socket.response()
    caplog.clear()


async def test_a_get_without_an_upgrade_is_405(server: RunningServer) -> None:
    assert (await server.ask("GET", "/v1/responses")).status == 405


async def test_a_client_that_reads_nothing_is_closed_with_1013(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send_nothing(websocket: WebSocket, text: str) -> None:
        await asyncio.Event().wait()

    async with opened(server) as socket:
        monkeypatch.setattr("server.transports.openai_socket.BEHIND_SECONDS", 0.01)
        monkeypatch.setattr(WebSocket, "send_text", send_nothing)
        server.model.gate.close()
        await socket.create()
        assert await socket.closed() == 1013
    await server.until(lambda: server.registry.active == [])
