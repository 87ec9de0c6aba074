"""One generation as server-sent events (PROTOCOL 13.5, 13.6)."""

import json

import pytest

from server.transports.connections import RECONNECT_MS
from tests.server.transports.listener import Event
from tests.server.transports.running import RunningServer
from tests.server.transports.test_connection import answer_to

BODY = '{"id":"g1","prompt":"Hi","raw":true,"params":{"seed":7}}'
TEXT = answer_to("Hi", 7, 40)
EVENTS = "/generations/g1/events"


def text_of(events: list[Event]) -> str:
    return "".join(event.message["text"] for event in events if event.name in ("token", "snapshot"))


async def test_a_stream_of_one_answer(server: RunningServer) -> None:
    async with server.listen("POST", "/generate/stream", BODY) as listener:
        assert listener.headers["content-type"].startswith("text/event-stream")
        events = await listener.rest()
    assert events[0].name == "accepted"
    epoch = events[0].message["epoch"]
    numbered = [event for event in events if event.name != "status"]
    assert [event.id for event in numbered] == [f"{epoch}:{event.message.get('seq', 0)}" for event in numbered]
    assert all(event.id is None for event in events if event.name == "status")
    assert text_of(events) == TEXT
    assert [event.name for event in events].count("done") == 1
    assert events[-1].name == "done"
    assert listener.retry is None


async def test_the_events_are_the_messages_of_a_websocket_byte_for_byte(server: RunningServer) -> None:
    async with server.listen("POST", "/generate/stream", BODY) as listener:
        await listener.rest()
    async with server.listen("GET", EVENTS) as listener, server.socket() as socket:
        await socket.recv()
        await socket.send('{"type":"attach","id":"g1"}')
        assert [event.data for event in await listener.rest()] == [await socket.recv() for _ in range(3)]


async def test_a_client_that_goes_away_ends_the_answer_that_it_streams(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.listen("POST", "/generate/stream", BODY) as listener:
        await listener.take("accepted")
        await server.held()
    await server.until(lambda: not server.registry.active)
    assert json.loads((await server.ask("GET", "/generations/g1")).body)["reason"] == "cancelled"


async def test_a_reader_of_events_counts_as_one_who_watches(server: RunningServer) -> None:
    server.model.gate.close()
    body = BODY[:-1] + ',"on_detach_ms":0}'
    async with server.listen("POST", "/generate/stream", body) as first:
        await first.take("accepted")
        async with server.listen("GET", EVENTS) as second:
            await second.take("attached")
            first.exchange.abort()
            await server.until(lambda: len(server.connections) == 1)
            assert server.registry.active
    await server.until(lambda: not server.registry.active)


@pytest.mark.parametrize("by_header", [True, False])
async def test_events_resume_after_any_event(server: RunningServer, by_header: bool) -> None:
    async with server.listen("POST", "/generate/stream", BODY) as listener:
        events = [event for event in await listener.rest() if event.id]
    for position, event in enumerate(events[:-1]):
        assert event.id is not None
        epoch, seq = event.id.split(":")
        query = "?after=3&epoch=stale" if by_header else f"?epoch={epoch}&after={seq}"
        headers = {"last-event-id": event.id} if by_header else {}
        async with server.listen("GET", EVENTS + query, headers=headers) as listener:
            attached, *rest = await listener.rest()
        assert (attached.message["recovered"], attached.message["from"]) == (True, int(seq))
        assert text_of(events[: position + 1]) + text_of(rest) == TEXT
        assert rest[-1] == events[-1]


async def test_a_reconnect_after_the_end_is_204_and_so_ends(server: RunningServer) -> None:
    async with server.listen("POST", "/generate/stream", BODY) as listener:
        done = (await listener.rest())[-1]
    assert done.id is not None
    answer = await server.ask("GET", EVENTS, headers={"last-event-id": done.id})
    assert (answer.status, answer.body) == (204, "")
    assert (await server.ask("GET", f"{EVENTS}?after={done.message['seq']}")).status == 204


async def test_another_epoch_gets_a_snapshot_and_no_replay(server: RunningServer) -> None:
    await server.ask("POST", "/generate", BODY)
    async with server.listen("GET", EVENTS, headers={"last-event-id": "another:41"}) as listener:
        attached, snapshot, done = await listener.rest()
    assert (attached.message["recovered"], snapshot.message["text"], done.name) == (False, TEXT, "done")


async def test_retry_is_reported_with_jitter(server: RunningServer) -> None:
    await server.ask("POST", "/generate", BODY)
    told = set()
    for _ in range(8):
        async with server.listen("GET", EVENTS) as listener:
            await listener.rest()
            assert listener.retry is not None
            assert 0 < listener.retry <= RECONNECT_MS
            told.add(listener.retry)
    assert len(told) > 1


@pytest.mark.parametrize("id", ["7", "e:", ":7", "e:x", "e f:7", "e:99999999999999999999"])
async def test_a_bad_event_id_is_named(server: RunningServer, id: str) -> None:
    answer = await server.ask("GET", EVENTS, headers={"last-event-id": id})
    error = json.loads(answer.body)
    assert (answer.status, error["code"]) == (400, "invalid_field")
    assert error["message"] == f"Last-Event-ID must be the id of an event, <epoch>:<number>, not {id!r}"


async def test_a_server_that_goes_down_says_goodbye_and_ends_the_stream(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.listen("POST", "/generate/stream", BODY) as listener:
        await listener.take("accepted")
        await server.connections.say_goodbye()
        events = await listener.rest()
    assert events[-1].name == "goodbye"


async def test_a_conflict_is_an_http_error_and_no_stream(server: RunningServer) -> None:
    await server.ask("POST", "/generate", BODY)
    answer = await server.ask("POST", "/generate/stream", BODY.replace("Hi", "Ho"))
    assert (answer.status, json.loads(answer.body)["code"]) == (409, "id_conflict")


async def test_the_head_alone_starts_no_stream(server: RunningServer) -> None:
    await server.ask("POST", "/generate", BODY)
    assert (await server.get(EVENTS, "HEAD")).status == 405
    assert len(server.connections) == 0
