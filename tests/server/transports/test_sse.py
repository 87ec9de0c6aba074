"""A channel whose messages are read as server-sent events (PROTOCOL 13.2, 13.3)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from protocol.codec import MAX_FRAME_BYTES
from protocol.conformance.http import fetch
from protocol.messages import DoneReason
from server.generations.ownership import LOCAL
from server.transports import connection, sse
from tests.server.transports.listener import Listener
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer

GENERATE = '{"type":"generate","id":"g1","prompt":"Hi","params":{"seed":3}}'


@contextlib.asynccontextmanager
async def channel(server: RunningServer, query: str = "") -> AsyncIterator[tuple[Listener, str]]:
    """Open a channel and read its `welcome`; yields it with the address for POSTs."""
    async with server.listen("GET", f"/channel{query}") as listener:
        welcome = await listener.take("welcome")
        yield listener, f"/channel/{welcome.message['connection']}"


async def post(server: RunningServer, path: str, frame: str) -> None:
    assert (await server.ask("POST", path, frame)).status == 204


async def test_channel_opens_with_welcome_and_a_random_name(server: RunningServer) -> None:
    names = set()
    for _ in range(2):
        async with channel(server) as (listener, path):
            names.add(path)
            assert listener.status == 200
            assert listener.headers["content-type"].startswith("text/event-stream")
            assert listener.headers["x-accel-buffering"] == "no"
            assert listener.headers["cache-control"] == "no-store"
    assert len(names) == 2
    assert all(len(bytes.fromhex(name.removeprefix("/channel/"))) * 8 >= 128 for name in names)


async def test_the_events_are_the_messages_of_a_websocket_byte_for_byte(server: RunningServer) -> None:
    async with channel(server) as (listener, path), server.socket() as socket:
        await post(server, path, GENERATE)
        await listener.take("done")
        await socket.recv()
        await socket.send('{"type":"attach","id":"g1"}')
        await post(server, path, '{"type":"attach","id":"g1"}')
        for name in ("attached", "token", "done"):
            event = await listener.next()
            assert event is not None
            assert (event.name, event.data) == (name, await socket.recv())


async def test_each_token_comes_when_it_is_there(server: RunningServer) -> None:
    server.model.gate.close()
    async with channel(server) as (listener, path):
        await post(server, path, GENERATE)
        await server.held()
        texts = []
        for _ in range(3):
            server.model.gate.step(8)  # a character takes up to four, and the prompt its own
            texts.append((await listener.take("token")).message["text"])
            await server.held()
        assert all(texts)


async def test_errors_about_messages_come_over_the_stream(server: RunningServer) -> None:
    async with channel(server) as (listener, path):
        await post(server, path, '{"type":"sing"}\n{"type":"status"}')
        assert (await listener.take("error")).message["code"] == "unknown_type"
        assert (await listener.take("status")).message["running"] == 0


async def test_a_comment_comes_now_and_then(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sse.COMMENT_SECONDS == 15
    monkeypatch.setattr(sse, "COMMENT_SECONDS", 0.01)
    async with channel(server) as (listener, path), asyncio.timeout(DEADLINE):
        while listener.comments < 3:
            await post(server, path, '{"type":"ping"}')
            await listener.take("pong")


async def test_a_client_that_goes_away_watches_no_longer(server: RunningServer) -> None:
    server.model.gate.close()
    async with channel(server) as (listener, path):
        await post(server, path, GENERATE.replace("}}", '},"on_detach_ms":0}'))
        await listener.take("accepted")
        await server.held()
    await server.until(lambda: not server.registry.active)
    done = server.registry.get("g1", re="test", principal=LOCAL).log.done
    assert done is not None
    assert done.reason is DoneReason.CANCELLED
    assert (await server.ask("POST", path, "")).status == 404
    assert len(server.connections) == 0


async def test_a_channel_can_be_closed_by_its_client(server: RunningServer) -> None:
    async with channel(server) as (listener, path):
        assert (await server.ask("DELETE", path)).status == 204
        assert await listener.rest() == []
    assert (await server.ask("DELETE", path)).status == 404


async def test_a_server_that_goes_down_says_goodbye_and_ends_the_response(server: RunningServer) -> None:
    server.model.gate.close()
    async with channel(server) as (listener, path):
        await post(server, path, GENERATE)
        await listener.take("accepted")
        await server.connections.say_goodbye()
        events = await listener.rest()
    assert [event.name for event in events[-2:]] == ["goodbye", "close"]
    assert json.loads(events[-1].data) == {"code": 1012, "reason": ""}


async def test_close_when_idle(server: RunningServer) -> None:
    async with channel(server, "?close_when_idle=1") as (listener, path):
        await post(server, path, GENERATE)
        events = await listener.rest()
    assert [event.name for event in events[-2:]] == ["done", "close"]
    assert json.loads(events[-1].data)["code"] == 1000


async def test_a_client_that_never_reads_is_closed_while_another_continues(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.1)
    pings = "\n".join(['{"type":"ping","nonce":"' + "x" * 128 + '"}'] * 250)
    async with channel(server) as (_, stalled), channel(server) as (listener, path):
        while (answer := await server.ask("POST", stalled, pings)).status == 204:
            pass
        assert answer.status == 404
        await post(server, path, GENERATE)
        await listener.take("done")
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"content-type": "text/plain"}, 415, "--json"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "--json"),
        ({"content-type": "Application/JSON; charset=utf-8"}, 204, ""),
    ],
)
async def test_only_json_is_taken(server: RunningServer, headers: dict[str, str], status: int, words: str) -> None:
    async with channel(server) as (_, path):
        answer = await server.ask("POST", path, '{"type":"ping"}', headers)
        assert answer.status == status
        assert words in answer.body


async def test_a_frame_may_have_so_many_bytes_and_no_more(server: RunningServer) -> None:
    async with channel(server) as (listener, path):
        await post(server, path, '{"type":"ping"}'.ljust(MAX_FRAME_BYTES))
        await listener.take("pong")
        answer = await server.ask("POST", path, '{"type":"ping"}'.ljust(MAX_FRAME_BYTES + 1))
        assert answer.status == 413
        assert json.loads(answer.body)["code"] == "bad_frame"
        assert str(MAX_FRAME_BYTES) in answer.body
        await post(server, path, '{"type":"ping","nonce":"still here"}')
        assert (await listener.take("pong")).message["nonce"] == "still here"


async def test_frames_for_an_unknown_channel_are_refused(server: RunningServer) -> None:
    for method, path in (("POST", "/channel/nobody"), ("DELETE", "/channel/nobody"), ("GET", "/channel/nobody/poll")):
        answer = await server.ask(method, path, "" if method == "POST" else None)
        assert answer.status == 404
        assert json.loads(answer.body)["code"] == "unknown_id"


async def test_the_head_alone_opens_nothing(server: RunningServer) -> None:
    assert (await server.get("/channel", "HEAD")).status == 405
    assert len(server.connections) == 0


async def test_a_body_that_is_not_utf8_is_reported(server: RunningServer) -> None:
    async with channel(server) as (_, path):
        answer = await fetch("POST", server.url(path), b'{"type":"ping","nonce":"\xff"}')
        assert (answer.status, json.loads(answer.body)["code"]) == (400, "bad_json")
