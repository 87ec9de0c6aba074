"""HTTP responses of a revoked token end too."""

import asyncio
import json

import pytest

from tests.server.guard.conftest import Keys, bearer
from tests.server.transports.running import RunningServer

BODY = '{"id":"g1","prompt":"Hi","on_detach_ms":null}'


@pytest.fixture
async def writing(locked: RunningServer, keys: Keys) -> RunningServer:
    """A server on which a generation of alice's is paused."""
    locked.model.gate.close()
    assert (await locked.ask("POST", "/generations", BODY, headers=bearer(keys.alice))).status == 201
    await locked.held()
    return locked


async def test_a_stream_of_events_ends(writing: RunningServer, keys: Keys) -> None:
    async with (
        writing.listen("GET", "/channel", headers=bearer(keys.alice)) as channel,
        writing.listen("GET", "/generations/g1/events", headers=bearer(keys.alice)) as events,
    ):
        await channel.take("welcome")
        await events.take("attached")
        keys.revoke("alice")
        assert (await channel.take("close")).message["code"] == 4401
        assert await channel.rest() == []
        assert {event.name for event in await events.rest()} <= {"status"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/generations/g1/poll?after=0&wait=60", None),
        ("POST", "/generate", '{"id":"g1","prompt":"Hi","on_detach_ms":null}'),
    ],
)
async def test_a_request_that_waits_is_401(
    writing: RunningServer, keys: Keys, method: str, path: str, body: str | None
) -> None:
    loop = asyncio.get_running_loop()
    asking = loop.create_task(writing.ask(method, path, body, bearer(keys.alice)), name="ask")
    await writing.until(lambda: len(writing.guard._waiting) == 1)
    keys.revoke("alice")
    reply = await asking
    assert reply.status == 401
    assert json.loads(reply.body)["code"] == "unauthorized"


async def test_a_polled_channel_ends(writing: RunningServer, keys: Keys) -> None:
    opened = await writing.ask("POST", "/channel", "", headers=bearer(keys.alice))
    path = f"/channel/{json.loads(opened.body)['connection']}/poll?wait=60"
    loop = asyncio.get_running_loop()
    asking = loop.create_task(writing.ask("GET", path, headers=bearer(keys.alice)), name="ask")
    await writing.until(lambda: len(writing.guard._waiting) == 1)
    keys.revoke("alice")
    assert (await asking).status == 401
    assert (await writing.ask("GET", path, headers=bearer(keys.alice))).status == 401


async def test_channel_of_a_revoked_token_is_closed(writing: RunningServer, keys: Keys) -> None:
    hello = json.dumps({"type": "hello", "token": keys.alice})
    opened = await writing.ask("POST", "/channel", hello)
    path = f"/channel/{json.loads(opened.body)['connection']}"
    assert (await writing.ask("POST", path, '{"type":"attach","id":"g1"}')).status == 204
    seen = ""
    while "attached" not in seen:
        seen += (await writing.ask("GET", f"{path}/poll")).body
    keys.revoke("alice")
    reply = await writing.ask("GET", f"{path}/poll?wait=60")
    while reply.status == 200:
        reply = await writing.ask("GET", f"{path}/poll?wait=60")
    assert (reply.status, json.loads(reply.body)["code"]) == (410, 4401)


async def test_a_new_token_of_the_same_name_does_not_keep_the_old_one_open(writing: RunningServer, keys: Keys) -> None:
    async with writing.peer(additional_headers=bearer(keys.alice)) as peer:
        keys.revoke("alice")
        token = keys.add("alice")
        assert await peer.closed() == 4401
    reply = await writing.ask("GET", "/generations/g1", headers=bearer(token))
    assert reply.status == 200  # the name is the principal


async def test_a_file_that_is_gone_lets_nobody_in(
    writing: RunningServer, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing.peer(additional_headers=bearer(keys.bob)) as peer:
        (keys.folder / "tokens.sqlite3").unlink()
        assert await peer.closed() == 4401
    assert (await writing.ask("GET", "/generations/g1", headers=bearer(keys.alice))).status == 401
    assert "is gone" in caplog.text
    caplog.clear()
