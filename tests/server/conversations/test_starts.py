"""The start of a generation, held in each of its phases: prepared, its turn written, journaled."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from protocol.errors import RemoteProtocolError
from protocol.messages import Accepted, Attached, Error, Generate, Params
from server.conversations import turns
from server.conversations.service import Started
from server.generations.ownership import LOCAL
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving

PARAMS = Params(max_tokens=5)


class Held:
    """A function of another thread that waits in its call until the test opens it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._open = threading.Event()
        self.reached = threading.Event()
        self.calls = 0

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.calls += 1
        self.reached.set()
        assert self._open.wait(DEADLINE)
        return self._function(*args, **options)

    def open(self) -> None:
        self._open.set()


Hold = Callable[[RunningServer, str], Held]


@pytest.fixture
async def hold(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hold]:
    """Holds every start in a phase; the end of the test opens it."""
    held: list[Held] = []

    def hold(server: RunningServer, phase: str) -> Held:
        owner, name = {
            "prepare": (server.registry.writer, "prepare"),
            "write": (turns, "begin"),
            "journal": (server.registry._recorder._journal, "write"),
        }[phase]
        held.append(Held(getattr(owner, name)))
        monkeypatch.setattr(owner, name, held[-1])
        return held[-1]

    yield hold
    for one in held:
        one.open()


def plain(id: str = "g1", prompt: str = "Hi") -> Generate:
    return Generate(id=id, prompt=prompt, params=PARAMS)


def turn(id: str = "g1", conversation: str = "c1") -> Generate:
    return Generate(id=id, message_id=f"m-{id}", conversation=conversation, content="Hi", params=PARAMS)


def started(server: RunningServer, body: Generate) -> asyncio.Task[Started]:
    return asyncio.ensure_future(server.conversations.start(LOCAL, body, time.monotonic()))


async def make(server: RunningServer, *ids: str) -> None:
    for id in ids:
        assert (await server.ask("POST", "/api/conversations", json.dumps({"id": id}))).status == 201


async def messages(server: RunningServer, id: str = "c1") -> list[str]:
    whole = json.loads((await server.ask("GET", f"/api/conversations/{id}")).body)
    return [message["id"] for message in whole["messages"]]


async def refused(starting: asyncio.Task[Started]) -> str:
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(RemoteProtocolError) as caught:
            await starting
    assert caught.value.re == "generate"
    return str(caught.value.code)


@pytest.mark.parametrize("body", [plain(), turn()], ids=["plain", "in a conversation"])
async def test_two_connections_with_one_new_id_start_one_generation(
    server: RunningServer, hold: Hold, body: Generate
) -> None:
    await make(server, "c1")
    prepare = hold(server, "prepare")
    async with server.peer() as one, server.peer() as two:
        await one.send(body)
        await server.until(prepare.reached.is_set)
        await two.send(body)
        await server.until(lambda: any(users == 2 for _, users in server.conversations._locks._held.values()))
        prepare.open()
        await one.take(Accepted, id="g1")
        assert (await two.take(Attached, id="g1")).recovered
        await one.until_done("g1")
        await two.until_done("g1")
        assert one.text("g1") == two.text("g1")
    assert prepare.calls == 1
    assert len(await messages(server)) == (2 if body.conversation else 0)
    assert len(server.conversations._locks) == 0


async def test_one_id_for_the_message_and_its_answer_is_a_conflict_and_writes_nothing(server: RunningServer) -> None:
    await make(server, "c1")
    async with server.peer() as peer:
        await peer.send(replace(turn(), message_id="g1"))
        assert (await peer.take(Error, id="g1")).code == "id_conflict"
    assert await messages(server) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [(plain(), plain(prompt="Ho")), (turn(), turn(conversation="c2")), (turn(), plain())],
    ids=["plain", "in two conversations", "in a conversation and plain"],
)
async def test_one_new_id_with_two_bodies_is_a_conflict_for_the_second(
    server: RunningServer, hold: Hold, first: Generate, second: Generate
) -> None:
    await make(server, "c1", "c2")
    prepare = hold(server, "prepare")
    async with server.peer() as one, server.peer() as two:
        await one.send(first)
        await server.until(prepare.reached.is_set)
        await two.send(second)
        await server.until(lambda: any(users == 2 for _, users in server.conversations._locks._held.values()))
        prepare.open()
        assert (await two.take(Error, id="g1")).code == "id_conflict"
        await one.until_done("g1")
    assert await messages(server, "c2") == []


async def test_a_second_start_goes_on_when_the_first_is_refused(server: RunningServer, hold: Hold) -> None:
    await make(server, "c1")
    prepare = hold(server, "prepare")
    first = started(server, plain(prompt="x" * 4000))
    await server.until(prepare.reached.is_set)
    second = started(server, plain())
    prepare.open()
    assert await refused(first) == "context_overflow"
    assert (await second).new


async def test_a_client_that_leaves_while_its_prompt_is_prepared_leaves_nothing(
    server: RunningServer, hold: Hold
) -> None:
    await make(server, "c1")
    prepare = hold(server, "prepare")
    starting = started(server, turn())
    await server.until(prepare.reached.is_set)
    starting.cancel()
    await asyncio.wait([starting])
    prepare.open()
    assert (await started(server, turn("g2"))).new
    assert await messages(server) == ["m-g2", "g2"]
    assert server.registry.find("g1", LOCAL) is None
    assert len(server.conversations._locks) == 0


@pytest.mark.parametrize("phase", ["write", "journal"])
async def test_a_client_that_leaves_after_that_has_its_turn_and_its_generation(
    server: RunningServer, hold: Hold, phase: str
) -> None:
    await make(server, "c1")
    held = hold(server, phase)
    starting = started(server, turn())
    await server.until(held.reached.is_set)
    starting.cancel()
    await asyncio.wait([starting])
    again = started(server, turn())
    held.open()
    generation, new, _ = await again
    assert (generation.id, new) == ("g1", False)
    await server.until(lambda: generation.log.done is not None)
    assert await messages(server) == ["m-g1", "g1"]
    assert (len(server.conversations._locks), server.conversations._starts) == (0, set())


@pytest.mark.parametrize("phase", ["write", "journal"])
async def test_a_generation_that_is_being_started_has_a_place(hold: Hold, phase: str) -> None:
    async with serving(ScriptedModel(), active_limit=1, queue_limit=9) as server:
        await make(server, "c1")
        held = hold(server, phase)
        first = started(server, turn())
        await server.until(held.reached.is_set)
        assert await refused(started(server, plain("g2"))) == "rate_limited"
        held.open()
        generation, _, _ = await first
        await server.until(lambda: generation.log.done is not None)
        assert (await started(server, plain("g2"))).new


async def test_a_generation_that_is_being_started_has_a_place_in_the_queue(hold: Hold) -> None:
    async with serving(ScriptedModel(), queue_limit=0) as server:
        await make(server, "c1")
        held = hold(server, "write")
        first = started(server, turn())
        await server.until(held.reached.is_set)
        assert await refused(started(server, plain("g2"))) == "busy"
        held.open()
        await first


async def test_a_refused_start_gives_its_place_back(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.registry.places, "queue_limit", 0)
    await make(server, "c1")

    def fail(*_: Any) -> None:
        raise RemoteProtocolError("busy", "a test")  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(server.registry, "begin", fail)
        assert await refused(started(server, turn())) == "busy"
    assert await messages(server) == []
    assert (await started(server, turn())).new


@pytest.mark.parametrize("body", [plain(), turn()], ids=["plain", "in a conversation"])
async def test_a_server_that_goes_down_while_a_prompt_is_prepared_refuses_it(
    server: RunningServer, hold: Hold, body: Generate
) -> None:
    await make(server, "c1")
    prepare = hold(server, "prepare")
    starting = started(server, body)
    await server.until(prepare.reached.is_set)
    await server.registry.drain(0)
    prepare.open()
    assert await refused(starting) == "busy"
    assert await messages(server) == []


async def test_a_server_that_goes_down_while_a_turn_is_written_undoes_it(server: RunningServer, hold: Hold) -> None:
    await make(server, "c1")
    held = hold(server, "write")
    starting = started(server, turn())
    await server.until(held.reached.is_set)
    await server.registry.close()
    held.open()
    assert await refused(starting) == "busy"
    assert await messages(server) == []


async def test_a_server_that_closes_waits_for_the_turn_that_is_written(hold: Hold, tmp_path: Any) -> None:
    async with serving(ScriptedModel(), tmp_path) as server:
        await make(server, "c1")
        held = hold(server, "write")
        starting = started(server, turn())
        await server.until(held.reached.is_set)
        await server.registry.close()
        closing = asyncio.ensure_future(server.conversations.close())
        await asyncio.sleep(0)
        held.open()
        async with asyncio.timeout(DEADLINE):
            await closing
        assert starting.done()
        assert await refused(starting) == "busy"
    async with serving(ScriptedModel(), tmp_path) as server:
        assert await messages(server) == []


async def test_a_server_that_drains_waits_for_a_generation_that_is_journaled(server: RunningServer, hold: Hold) -> None:
    await make(server, "c1")
    held = hold(server, "journal")
    starting = started(server, turn())
    await server.until(held.reached.is_set)
    draining = asyncio.ensure_future(server.registry.drain(DEADLINE))
    await server.until(lambda: server.registry.shutting_down)
    assert not draining.done()
    held.open()
    await draining
    generation, _, _ = await starting
    assert generation.log.done is not None
    assert await messages(server) == ["m-g1", "g1"]
