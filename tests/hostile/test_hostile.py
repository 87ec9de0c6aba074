"""Known attacks on servers, on every route and message, and a check of what they leave behind."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import psutil
import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from protocol.messages import CLIENT_TYPES
from server.app import create_app
from server.engine.worker import BatchingEngine
from server.writers.local import local_writer
from tests.hostile import floods, frames, line, patience, perimeter, replays, requests, stolen, wire
from tests.hostile.attack import Attack, Http, Socket, World
from tests.hostile.routes import ROUTES
from tests.hostile.serving import Targets
from tests.server.engine.scripted_model import ScriptedModel

TABLES = (perimeter, requests, wire, frames, stolen, replays, floods)
ATTACKS: list[Attack] = [attack for table in TABLES for attack in table.attacks()]
SLOW: list[Attack] = list(patience.attacks())

FOREIGN: Final = 4
"""Every fourth attack on a perimeter is in the second round of `make test`, so on each route another part of them."""

LEAST_ATTACKS = 300
GROWTH = 32 * 2**20
"""Allowed growth of the servers' memory from one round to the next, in bytes: temporary data, and chance."""

POOLED = 8
"""Threads that the pools of asyncio and anyio may add: they are created when needed, up to a limit."""


@dataclass(frozen=True)
class Usage:
    """Resources that a process uses."""

    bytes: int
    files: int
    threads: int


@dataclass
class Besieged:
    """The process with the servers. ``said``: its standard error."""

    process: subprocess.Popen[str]
    world: World
    said: list[str]

    def usage(self) -> Usage:
        found = psutil.Process(self.process.pid)
        return Usage(found.memory_info().rss, found.num_fds(), found.num_threads())

    def settled(self, most: Usage) -> Usage:
        """Return the usage once it is at most ``most``, or at the time limit."""
        until = time.monotonic() + line.DEADLINE
        while (now := self.usage()) and time.monotonic() < until:
            if now.files <= most.files and now.threads <= most.threads and now.bytes <= most.bytes:
                break
            time.sleep(0.05)
        return now


@contextlib.contextmanager
def besieged(*options: str) -> Iterator[Besieged]:
    command = [sys.executable, "-m", "tests.hostile.serving", *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        said: list[str] = []
        reading = threading.Thread(target=said.extend, args=(process.stderr,))
        reading.start()
        try:
            targets = msgspec.json.decode(process.stdout.readline(), type=Targets)
            yield Besieged(process, World(targets), said)
        finally:
            process.stdin.close()
            process.wait(line.DEADLINE)
            reading.join()


def _prepare(world: World) -> None:
    """Create alice's conversations and generations, which bob will try to reach."""
    for at, status in (("locked", 200), ("held", 201)):
        made = '{"id":"herss","title":"hers"}'
        Http("alice", "POST /api/conversations", 201, "", made, at, "alice").mount(world)
        body = '{"id":"herss","conversation":"herss","content":"Hi","on_detach_ms":null}'
        sent = "POST /generate" if status == 200 else "POST /generations"
        Http("alice", sent, status, "", body, at, "alice").mount(world)


@contextlib.contextmanager
def besieged_with_alice(*options: str) -> Iterator[Besieged]:
    """Run the servers with what is alice's, and her open channel. At the end no server has had a fault."""
    with besieged(*options) as found, line.line(found.world.port("locked")) as channel:
        world = found.world
        _prepare(world)
        headers = world.headers("locked", "alice", (), "x")
        channel.sendall(line.request("GET", "/channel", headers))
        told = floods.until(channel, b'"connection":"')
        told += floods.until(channel, b'"auth"') if b'"auth"' not in told else b""
        name = told.partition(b'"connection":"')[2].partition(b'"')[0].decode()
        yield Besieged(found.process, World(world.targets, name), found.said)
    assert "Traceback" not in "".join(found.said), "".join(found.said)


@pytest.fixture(scope="module")
def servers() -> Iterator[Besieged]:
    with besieged_with_alice() as found:
        yield found


@pytest.fixture(scope="module")
def impatient() -> Iterator[Besieged]:
    with besieged("--impatient") as found:
        yield found
    assert "Traceback" not in "".join(found.said), "".join(found.said)


def _batches() -> dict[str, list[Attack]]:
    """Return the attacks by batch: those on the perimeter by their route, others by what they attack.

    A batch is one test. With one for each attack, pytest itself took longer than the servers.
    """
    batches: dict[str, list[Attack]] = {}
    for table in TABLES:
        for attack in table.attacks():
            group, _, rest = attack.name.partition(": ")
            part = " ".join(rest.split(" ")[:2]).partition("?")[0] if table is perimeter else group
            batches.setdefault(f"{table.__name__.rpartition('.')[2]} {part}", []).append(attack)
    return batches


BATCHES = _batches()


def _mount(attacks: Iterable[Attack], world: World) -> None:
    """Mount the attacks, and report all that got another response. One that gets none ends the test at once."""
    failed = []
    for attack in attacks:
        try:
            attack.mount(world)
        except AssertionError as error:
            failed.append(f"{attack.name}: {error}")
        except BaseException as error:
            error.add_note(f"The attack: {attack.name}")
            raise
    assert not failed, "\n".join(failed)


def test_every_route_is_attacked() -> None:
    app = create_app(local_writer(BatchingEngine(ScriptedModel())))
    found = set()
    for route in app.routes:
        match route:
            case Mount(path=path):
                found.add(("GET", path))
            case WebSocketRoute(path=path):
                found.add(("WEBSOCKET", path))
            case Route(path=path, methods=methods):
                found |= {(method, path) for method in methods or () if method != "HEAD"}
    assert found == set(ROUTES)


def test_every_message_is_attacked() -> None:
    assert set(frames.MESSAGES) == set(CLIENT_TYPES)


def test_there_are_enough_attacks_and_none_twice() -> None:
    by_hand = [attack for table in TABLES if table is not perimeter for attack in table.attacks()]
    assert len(by_hand) + len(SLOW) >= LEAST_ATTACKS
    assert len(set(ATTACKS)) == len(ATTACKS)


@pytest.mark.parametrize("batch", BATCHES)
def test_attacks_get_their_responses(servers: Besieged, batch: str) -> None:
    _mount(BATCHES[batch], servers.world)


def test_slow_clients_are_closed(impatient: Besieged) -> None:
    _mount(SLOW, impatient.world)


@pytest.mark.parametrize("at", ["open", "locked"])
def test_after_it_the_server_answers(servers: Besieged, at: str) -> None:
    assert_answers(servers, at)


def assert_answers(servers: Besieged, at: str) -> None:
    token = "alice" if at == "locked" else None
    Http("good", "POST /generate", 200, '"reason":"stop"', '{"prompt":"Hi"}', at, token).mount(servers.world)
    Http("good", "GET /healthz", 200, '"alive":true', at=at).mount(servers.world)
    Socket("good", ('{"type":"generate","prompt":"Hi"}',), (), at=at, token=token).mount(servers.world)


def test_alice_still_has_what_was_hers(servers: Besieged) -> None:
    assert_alice_has_hers(servers)


def assert_alice_has_hers(servers: Besieged) -> None:
    world = servers.world
    Http("hers", "GET /generations/herss", 200, '"state":"done"', at="locked", token="alice").mount(world)
    Http("hers", "GET /api/conversations/herss", 200, '"title":"hers"', at="locked", token="alice").mount(world)
    Http("hers", "GET /generations/herss", 200, '"seq":0', at="held", token="alice").mount(world)
    Http("hers", f"POST /channel/{world.channel}", 204, "", "{}", "locked", "alice").mount(world)


@pytest.mark.parametrize("step", [FOREIGN, pytest.param(1, marks=pytest.mark.slow)])
def test_a_second_round_leaves_nothing_behind(servers: Besieged, step: int) -> None:
    """One attack of each batch comes before it: they create what stays, such as compiled patterns and pool threads."""
    foreign = list(perimeter.attacks())
    attacks = [*foreign[::step], *ATTACKS[len(foreign) :]]
    _mount((batch[0] for batch in BATCHES.values()), servers.world)
    before = servers.usage()
    _mount(attacks, servers.world)
    most = Usage(before.bytes + GROWTH, before.files, before.threads + POOLED)
    after = servers.settled(most)
    assert after.bytes <= most.bytes, (before, after)
    assert after.files <= most.files, (before, after)
    assert after.threads <= most.threads, (before, after)
