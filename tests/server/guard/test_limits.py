"""Usage limits of each client, and their errors."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.messages import Accepted, Error, Generate, Hello, Ping, Welcome
from server.guard.guard import Guard
from server.guard.limits import UsageLimits
from server.guard.rates import Rates
from server.guard.token_store import TokenStore
from server.guard.tokens import Tokens
from server.transports import admitted_messages
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.guard.conftest import Keys, bearer
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

FEW = 10
"""Number of messages that are allowed; the allowance doesn't refill, however slow the machine is."""


@contextlib.asynccontextmanager
async def limited(limits: UsageLimits, folder: Path | None = None) -> AsyncIterator[RunningServer]:
    tokens = Tokens(TokenStore(folder)) if folder else None
    guard = Guard(tokens=tokens, limits=limits)
    if limits.messages == FEW:
        guard._rates = Rates(1e-6, FEW)
    async with serving(ScriptedModel(), guard=guard) as server:
        yield server


async def test_limits_are_in_welcome() -> None:
    async with (
        limited(UsageLimits(sockets=7, messages=70)) as server,
        server.socket() as socket,
    ):
        limits = (await Peer(socket).take(Welcome)).limits
    assert (limits.sockets, limits.messages_per_second) == (7, 70)


async def test_socket_above_the_limit_is_closed_with_4429() -> None:
    async with limited(UsageLimits(sockets=2)) as server:
        async with server.peer(), server.peer(), server.peer() as third:
            error = await third.take(Error)
            assert (error.code, error.retryable) == ("rate_limited", True)
            assert error.retry_after_ms
            assert await third.closed() == 4429
        await server.until(lambda: len(server.connections) == 0)
        async with server.peer() as again:
            assert await again.errors() == []


async def test_a_channel_takes_a_place_too() -> None:
    async with limited(UsageLimits(sockets=2)) as server:
        await server.ask("POST", "/channel", "")
        async with server.listen("GET", "/channel"), server.peer() as third:
            assert await third.closed() == 4429


async def test_a_polled_channel_that_finds_no_place_is_reported() -> None:
    async with limited(UsageLimits(sockets=1)) as server, server.peer():
        opened = await server.ask("POST", "/channel", "")
        assert opened.status == 201
        name = json.loads(opened.body)["connection"]
        told = await server.ask("GET", f"/channel/{name}/poll")
        assert (told.status, json.loads(told.body)["code"]) == (200, "rate_limited")
        closed = await server.ask("GET", f"/channel/{name}/poll")
        assert (closed.status, json.loads(closed.body)["code"]) == (410, 4429)


async def test_places_are_a_principals_own(keys: Keys) -> None:
    async with limited(UsageLimits(sockets=1), keys.folder) as server:
        async with (
            server.peer(additional_headers=bearer(keys.alice)),
            server.peer(additional_headers=bearer(keys.bob)) as bob,
            server.peer() as third,
        ):
            assert await bob.errors() == []
            await third.send(Hello(token=keys.alice))
            assert (await third.take(Error)).code == "rate_limited"
            assert await third.closed() == 4429


async def test_socket_without_hello_counts_for_its_address(keys: Keys) -> None:
    async with limited(UsageLimits(sockets=1), keys.folder) as server:
        async with server.peer() as first, server.peer() as second:
            assert await second.closed() == 4429
            await first.send(Hello(token=keys.alice))
            assert await first.errors() == []
            async with server.peer(additional_headers={"x-forwarded-for": "192.0.2.7"}) as elsewhere:
                await elsewhere.send(Hello(token=keys.bob))
                assert await elsewhere.errors() == []


async def test_requests_that_wait_take_places(keys: Keys) -> None:
    async with limited(UsageLimits(sockets=1), keys.folder) as server:
        server.model.gate.close()
        body = '{"id":"g1","prompt":"Hi","on_detach_ms":null}'
        await server.ask("POST", "/generations", body, bearer(keys.alice))
        async with server.listen("GET", "/generations/g1/events", headers=bearer(keys.alice)):
            reply = await server.ask("GET", "/generations/g1", headers=bearer(keys.alice))
            assert (reply.status, json.loads(reply.body)["code"]) == (429, "rate_limited")
            assert int(reply.headers["retry-after"]) > 0
            assert (await server.ask("GET", "/generations/g1", headers=bearer(keys.bob))).status == 404
            assert (await server.ask("GET", "/healthz")).status == 200


async def test_messages_beyond_the_rate_are_answered_and_not_carried_out() -> None:
    async with limited(UsageLimits(messages=FEW)) as server, server.peer() as peer:
        for n in range(20):
            await peer.send(Generate(id=f"g{n}", prompt="Hi"))
        error = await peer.take(Error)
        assert (error.code, error.re, error.retryable) == ("rate_limited", "generate", True)
        assert error.retry_after_ms
        assert error.id is not None
        with pytest.raises(KeyError):
            peer.text(error.id)


async def test_a_flood_closes_with_4429(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admitted_messages, "FLOOD_MESSAGES", 20)
    async with limited(UsageLimits(messages=FEW)) as server, server.peer() as peer:
        for _ in range(40):
            await peer.send(Ping())
        assert await peer.closed() == 4429


async def test_a_rate_is_a_principals_own_and_a_hello_passes_always(keys: Keys) -> None:
    async with limited(UsageLimits(messages=FEW), keys.folder) as server:
        for _ in range(20):
            reply = await server.ask("GET", "/generations/g1", headers=bearer(keys.alice))
        assert reply.status == 429
        assert (await server.ask("GET", "/generations/g1", headers=bearer(keys.bob))).status == 404
        async with server.peer() as peer:
            await peer.send(Hello(token=keys.alice))
            await peer.send(Ping())
            assert (await peer.take(Error)).code == "rate_limited"
            assert peer.socket.close_code is None


async def test_answer_above_a_principals_limit_is_refused(keys: Keys) -> None:
    guard = Guard(tokens=Tokens(TokenStore(keys.folder)))
    async with serving(ScriptedModel(), guard=guard, active_limit=2) as server:
        server.model.gate.close()
        async with server.socket(additional_headers=bearer(keys.alice)) as socket:
            alice = Peer(socket)
            assert (await alice.take(Welcome)).limits.active == 2
            await alice.send(*(Generate(id=f"g{n}", prompt="Hi") for n in range(3)))
            await alice.take(Accepted, id="g1")
            error = await alice.take(Error)
            assert (error.code, error.re, error.id, error.retryable) == ("rate_limited", "generate", "g2", True)
            assert error.retry_after_ms is not None
            async with server.peer(additional_headers=bearer(keys.bob)) as bob:
                await bob.send(Generate(id="g2", prompt="Hi"))
                await bob.take(Accepted)
