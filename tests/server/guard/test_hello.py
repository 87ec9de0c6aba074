"""Tokens on sockets: `hello`, Authorization, and neither (PROTOCOL 3.6)."""

import asyncio
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from protocol import admission
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    AttachPoint,
    Cancel,
    Done,
    Error,
    Generate,
    Hello,
    Model,
    Ping,
    Pong,
    StatusRequest,
    Watch,
    Welcome,
)
from server.guard import tokens
from server.guard.guard import Guard
from server.guard.token_store import TokenStore
from server.guard.tokens import Tokens
from server.transports import connection
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.guard.conftest import Keys, bearer
from tests.server.transports.peer import DEADLINE, Peer
from tests.server.transports.running import RunningServer, serving
from tests.server.writers.model_disk import ModelDisk


async def test_a_right_hello_opens_the_door(locked: RunningServer, keys: Keys) -> None:
    async with locked.socket() as socket:
        peer = Peer(socket)
        welcome = await peer.take(Welcome)
        assert (welcome.auth, welcome.active) == (True, ())
        await peer.send(Ping(nonce="1"))
        await peer.take(Pong)
        await peer.send(Hello(token=keys.alice), Generate(id="g1", prompt="Hi"))
        await peer.take(Accepted, id="g1")
        await peer.until_done("g1")


async def test_before_it_nothing_is_carried_out(locked: RunningServer, keys: Keys) -> None:
    async with locked.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"), Cancel(id="g1"), StatusRequest())
        for kind in ("generate", "cancel", "status"):
            assert (await peer.take(Error, re=kind)).code == "unexpected_message"
        assert locked.registry.active == []
        await peer.send(Hello(token=keys.alice))
        assert await peer.errors() == []


@pytest.mark.parametrize("token", ["sui_wrong", "", None], ids=["wrong", "empty", "none"])
async def test_a_wrong_hello_closes_with_4401_and_what_follows_it_is_dropped(
    locked: RunningServer, token: str | None
) -> None:
    async with locked.peer() as peer:
        await peer.send(Hello(token=token), Generate(id="g1", prompt="Hi"))
        assert await peer.closed() == 4401
    assert locked.registry.active == []


async def test_no_hello_closes_with_4408(locked: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "HELLO_SECONDS", 0.05)
    monkeypatch.setattr(connection, "HELLO_SECONDS", 0.05)
    async with locked.peer() as peer:
        assert await peer.closed() == 4408


async def test_a_hello_in_time_stays(locked: RunningServer, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    async with locked.peer() as peer:
        await peer.send(Hello(token=keys.alice))
        await peer.errors()
        (served,) = locked.connections._open
        served._expect_hello()
        assert await peer.errors() == []


async def test_a_long_frame_before_it_closes_with_1009(locked: RunningServer, keys: Keys) -> None:
    async with locked.peer() as peer:
        await peer.send('{"type":"ping"}' + " " * 65_536)
        assert await peer.closed() == 1009
    async with locked.peer() as peer:
        await peer.send(Hello(token=keys.alice))
        await peer.send('{"type":"ping"}' + " " * 65_536)
        assert await peer.errors() == []


async def test_much_before_it_closes_with_1009(locked: RunningServer) -> None:
    async with locked.peer() as peer:
        for _ in range(9):
            await peer.send('{"type":"ping"}' + " " * 32_768)
        assert (await peer.take(Error)).code == "bad_frame"
        assert await peer.closed() == 1009


async def test_a_second_hello_is_an_error(locked: RunningServer, keys: Keys) -> None:
    async with locked.peer() as peer:
        await peer.send(Hello(token=keys.alice))
        await peer.send('{"type":"hello","token":"sui_wrong"}')
        assert (await peer.take(Error, re="hello")).code == "unexpected_message"


async def test_authorization_needs_no_hello(locked: RunningServer, keys: Keys) -> None:
    async with locked.socket(additional_headers=bearer(keys.alice)) as socket:
        peer = Peer(socket)
        assert (await peer.take(Welcome)).auth is False
        await peer.send(Generate(id="g1", prompt="Hi"))
        await peer.until_done("g1")


async def test_a_wrong_authorization_is_401_before_the_socket_opens(
    locked: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    for query, headers in (("", bearer("sui_wrong")), ("", {"Authorization": "Basic eDp5"}), ("?plain=%31", {})):
        with pytest.raises(InvalidStatus) as refused:
            async with locked.socket(query, additional_headers=headers):
                pass
        assert refused.value.response.status_code == 401
        assert b"unauthorized" in (refused.value.response.body or b"")
    await locked.get("/healthz")
    caplog.clear()  # uvicorn complains of every refusal


async def test_plain_mode_takes_a_token_in_authorization(locked: RunningServer, keys: Keys) -> None:
    async with asyncio.timeout(DEADLINE), locked.socket("?plain=1", additional_headers=bearer(keys.alice)) as socket:
        await socket.send("Hi")
        frames = [await socket.recv()]
        while frames[-1] != "\n\n":
            frames.append(await socket.recv())
    assert len(frames) > 1


async def test_the_hello_attaches_what_is_its_principals(locked: RunningServer, keys: Keys) -> None:
    async with locked.peer(additional_headers=bearer(keys.alice)) as peer:
        await peer.send(Generate(id="g1", prompt="Hi", on_detach_ms=None))
        await peer.until_done("g1")
    async with locked.peer() as peer:
        await peer.send(Hello(token=keys.alice, attach=(AttachPoint(id="g1"),)))
        await peer.take(Attached, id="g1")
        await peer.until_done("g1")


async def test_two_principals_may_use_one_id_and_never_notice(locked: RunningServer, keys: Keys) -> None:
    locked.model.gate.close()
    headers = {"alice": bearer(keys.alice), "bob": bearer(keys.bob)}
    async with (
        locked.peer(additional_headers=headers["alice"]) as alice,
        locked.peer(additional_headers=headers["bob"]) as bob,
    ):
        await alice.send(Generate(id="g1", prompt="Alice asks"))
        await alice.take(Accepted, id="g1")
        await bob.send(Attach(id="g1"))
        assert (await bob.take(Error)).code == "unknown_id"
        await bob.send(Generate(id="g1", prompt="Bob asks something else"))
        await bob.take(Accepted, id="g1")
        async with locked.socket(additional_headers=headers["bob"]) as socket:
            (one,) = (await Peer(socket).take(Welcome)).active
        assert one.id == "g1"
        await bob.send(Cancel(all=True))
        assert await bob.errors() == []
        locked.model.gate.open()
        assert (await bob.take(Done)).reason == "cancelled"
        assert (await alice.take(Done)).reason != "cancelled"
    assert alice.text("g1") != bob.text("g1")


async def test_revoking_closes_at_once_and_adding_lets_in_at_once(locked: RunningServer, keys: Keys) -> None:
    locked.model.gate.close()
    async with (
        locked.peer() as by_hello,
        locked.peer(additional_headers=bearer(keys.alice)) as by_header,
        locked.peer(additional_headers=bearer(keys.bob)) as bob,
    ):
        await by_hello.send(Hello(token=keys.alice), Generate(id="g1", prompt="Hi"))
        await by_hello.take(Accepted)
        await by_header.send(Attach(id="g1"))
        await by_header.take(Attached)
        keys.revoke("alice")
        assert await by_hello.closed() == 4401
        assert await by_header.closed() == 4401
        assert await bob.errors() == []
        token = keys.add("carol")
        await locked.until(lambda: locked.guard.tokens is not None and locked.guard.tokens.count == 2)
        async with locked.peer() as carol:
            await carol.send(Hello(token=token))
            assert await carol.errors() == []


async def test_the_first_token_of_a_server_opens_at_once(
    model: ScriptedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LOOK_SECONDS", 3600.0)
    keys = Keys("", "", tmp_path)
    async with serving(model, guard=Guard(tokens=Tokens(TokenStore(tmp_path)))) as server, server.peer() as carol:
        await carol.send(Hello(token=keys.add("carol")), Generate(id="g1", prompt="Hi"))
        await carol.take(Accepted)


async def test_strangers_are_told_of_the_default_model_only(model: ScriptedModel, keys: Keys) -> None:
    guard = Guard(tokens=Tokens(TokenStore(keys.folder)))
    async with serving(model, guard=guard, disk=ModelDisk(big=1)) as server:
        async with server.socket() as socket:
            peer = Peer(socket)
            assert [entry.name for entry in (await peer.take(Welcome)).models] == ["Scripted"]
            await peer.send(Hello(token=keys.alice), Watch())
            assert (await peer.take(Model)).name == "big"
        async with server.peer(additional_headers=bearer(keys.alice)) as peer:
            assert peer.session.welcome is not None
            assert [entry.name for entry in peer.session.welcome.models] == ["Scripted", "big"]
