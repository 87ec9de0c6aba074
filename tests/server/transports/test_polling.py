"""A channel whose messages are read by long poll (PROTOCOL 13.2, 13.4)."""

import asyncio
import json
from typing import Any

import pytest

from protocol.conformance.http import HttpResponse as Reply
from protocol.messages import DoneReason
from server.generations.ownership import LOCAL
from server.transports import polling
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer

GENERATE = '{"type":"generate","id":"g1","prompt":"Hi","params":{"seed":3}}'


async def channel(server: RunningServer, frame: str = "", query: str = "") -> str:
    """Open a channel; return the address for its POSTs."""
    answer = await server.ask("POST", f"/channel{query}", frame)
    assert answer.status == 201
    welcome = json.loads(answer.body)
    assert welcome["type"] == "welcome"
    return f"/channel/{welcome['connection']}"


async def post(server: RunningServer, path: str, frame: str) -> None:
    assert (await server.ask("POST", path, frame)).status == 204


async def poll(server: RunningServer, path: str, wait: float = 20) -> Reply:
    return await server.ask("GET", f"{path}/poll?wait={wait}")


def messages(answer: Reply) -> list[dict[str, Any]]:
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


async def until(server: RunningServer, path: str, kind: str) -> list[dict[str, Any]]:
    """Poll until a message of this type arrives; return all messages."""
    seen: list[dict[str, Any]] = []
    while not any(message["type"] == kind for message in seen):
        seen += messages(await poll(server, path))
    return seen


async def test_the_lines_are_the_messages_of_a_websocket_byte_for_byte(server: RunningServer) -> None:
    path = await channel(server, GENERATE)
    await until(server, path, "done")
    async with server.socket() as socket:
        await socket.recv()
        await socket.send('{"type":"attach","id":"g1"}')
        await post(server, path, '{"type":"attach","id":"g1"}')
        lines: list[str] = []
        while len(lines) < 3:
            lines += (await poll(server, path)).body.splitlines()
        assert lines == [await socket.recv() for _ in range(3)]


async def test_a_poll_waits_for_news(server: RunningServer) -> None:
    server.model.gate.close()
    path = await channel(server, GENERATE)
    await server.held()
    while (answer := await poll(server, path, wait=0)).status == 200:
        pass
    assert answer.status == 204
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(until(server, path, "token"), name="poll")
        server.model.gate.step(8)
    assert waiting.result()


async def test_second_poll_of_a_channel_is_refused(server: RunningServer) -> None:
    path = await channel(server)
    async with server.listen_for(f"{path}/poll") as waiting:
        await server.waits_in("PolledSocket.poll")
        answer = await poll(server, path)
        assert answer.status == 409
        assert json.loads(answer.body)["code"] == "unexpected_message"
        await post(server, path, '{"type":"ping"}')
        assert messages(await waiting.answer()) == [{"type": "pong"}]


async def test_a_channel_of_events_is_not_polled(server: RunningServer) -> None:
    async with server.listen("GET", "/channel") as listener:
        name = (await listener.take("welcome")).message["connection"]
        assert (await poll(server, f"/channel/{name}")).status == 409


async def test_a_client_that_cuts_its_poll_off_has_gone(server: RunningServer) -> None:
    server.model.gate.close()
    path = await channel(server, GENERATE.replace("}}", '},"on_detach_ms":0}'))
    await until(server, path, "accepted")
    await server.held()
    while (await poll(server, path, wait=0)).status == 200:
        pass
    async with server.listen_for(f"{path}/poll?wait=60"):
        await server.waits_in("PolledSocket.poll")
    await server.until(lambda: not server.registry.active)
    done = server.registry.get("g1", re="test", principal=LOCAL).log.done
    assert done is not None
    assert done.reason is DoneReason.CANCELLED
    assert (await poll(server, path)).status == 404


async def test_a_channel_that_nobody_polls_is_closed(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert polling.UNPOLLED_SECONDS == 60
    monkeypatch.setattr(polling, "UNPOLLED_SECONDS", 0.05)
    path = await channel(server)
    await server.until(lambda: len(server.connections) == 0)
    assert (await server.ask("POST", path, '{"type":"ping"}')).status == 404


async def test_its_client_can_close_it_and_a_poll_that_waits_ends(server: RunningServer) -> None:
    path = await channel(server)
    async with server.listen_for(f"{path}/poll?wait=60") as waiting:
        await server.waits_in("PolledSocket.poll")
        assert (await server.ask("DELETE", path)).status == 204
        async with asyncio.timeout(DEADLINE):
            assert (await waiting.answer()).status == 404


async def test_a_server_that_goes_down_says_goodbye_and_then_410(server: RunningServer) -> None:
    path = await channel(server)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.connections.say_goodbye(), name="goodbye")
        assert (await until(server, path, "goodbye"))[-1]["code"] == 1012
        closed = await poll(server, path)
    assert (closed.status, json.loads(closed.body)) == (410, {"code": 1012, "reason": ""})
    assert (await poll(server, path)).status == 404


async def test_close_when_idle(server: RunningServer) -> None:
    path = await channel(server, GENERATE, "?close_when_idle=1")
    await until(server, path, "done")
    closed = await poll(server, path)
    assert (closed.status, json.loads(closed.body)["code"]) == (410, 1000)


async def test_text_missed_by_a_slow_reader_comes_in_few_messages(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message that was waiting when the reader stopped, and one with all later text."""
    monkeypatch.setattr(polling, "BUFFER_CHARACTERS", 0)  # no frame is taken while one waits
    path = await channel(server, GENERATE)
    await server.until(lambda: not server.registry.active)
    seen = await until(server, path, "done")
    tokens = [message for message in seen if message["type"] == "token"]
    assert len(tokens) <= 2
    assert sum(message["n"] for message in tokens) > 20


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "soon", ""])
async def test_a_wait_out_of_range_is_named(server: RunningServer, wait: str) -> None:
    path = await channel(server)
    answer = await server.ask("GET", f"{path}/poll?wait={wait}")
    assert answer.status == 400
    error = json.loads(answer.body)
    assert error["code"] == "invalid_field"
    assert error["message"] == f"wait must be a number of seconds from 0 to 60, not {wait!r}"


async def test_a_poll_hangs_on_no_server(server: RunningServer) -> None:
    """The server of the fixture stops in time although a channel is open and no client polls it."""
    await channel(server, GENERATE)
