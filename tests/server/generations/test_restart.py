"""A server that stops in any way, and the next one on the same data folder (PROTOCOL 6.9)."""

import asyncio
import contextlib
import dataclasses
import hashlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from protocol.cursor import Cursor
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Done,
    DoneReason,
    Error,
    Generate,
    Params,
    Snapshot,
    Token,
    Welcome,
)
from server.generations.ownership import LOCAL
from server.generations.restoring import OnRestart
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

G1 = Generate(id="g1", prompt="Hi", params=Params(seed=3))

START = 120.0
"""Time limit for the start of a process, in seconds, also on a busy machine."""


async def write(server: RunningServer, peer: Peer, *bodies: Generate, steps: int = 12) -> None:
    """Start ``bodies`` and pause them in the middle of their answers."""
    server.model.gate.close()
    for body in bodies:
        await peer.send(body)
        await peer.take(Accepted, id=body.id)
    server.model.gate.step(steps)
    await server.held()
    await peer.settle()


@contextlib.asynccontextmanager
async def interrupted(data: Path, *bodies: Generate, slots: int = 1, **options: Any) -> AsyncIterator[Peer]:
    """Return what a client had received of ``bodies`` when the server stopped in the middle of them."""
    async with serving(ScriptedModel(slots=slots), data, **options) as server, server.peer() as peer:
        await write(server, peer, *bodies)
        await server.registry.close()
        await peer.settle()
    yield peer


async def whole_text(body: Generate) -> str:
    """Return the model's complete answer."""
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await peer.send(body)
        await peer.until_done(str(body.id))
        return peer.text(str(body.id))


async def test_an_answer_continues_where_it_was(tmp_path: Path) -> None:
    async with interrupted(tmp_path, G1) as before:
        seen, cursors = before.text("g1"), before.session.cursors
        assert seen
        assert cursors["g1"].done is None
    async with serving(ScriptedModel(), tmp_path) as server, server.peer(cursors=cursors) as peer:
        await peer.send(Attach(id="g1", epoch=cursors["g1"].epoch, after=cursors["g1"].seq))
        attached = await peer.take(Attached)
        assert attached.recovered
        done = (await peer.until_done("g1"))[-1]
    assert isinstance(done, Done)
    assert done.reason is DoneReason.STOP
    assert done.usage.completion_tokens == 40
    assert peer.text("g1").startswith(seen)
    assert peer.text("g1") == await whole_text(G1)


async def test_the_order_is_kept_and_the_same_body_attaches(tmp_path: Path) -> None:
    bodies = [Generate(id=f"g{n}", prompt="Hi", params=Params(seed=n)) for n in range(4)]
    async with interrupted(tmp_path, *bodies):
        pass
    model = ScriptedModel()
    model.gate.close()
    async with serving(model, tmp_path) as server, server.peer() as peer:
        assert [generation.id for generation in server.registry.active] == [body.id for body in bodies]
        await peer.send(bodies[3])
        assert (await peer.take(Attached, id="g3")).recovered
        await peer.send(Generate(id="g3", prompt="Ho"))
        assert (await peer.take(Error)).code == "id_conflict"
        model.gate.open()
        await peer.until_done("g3")
        assert all(server.registry.get(str(body.id), re="attach", principal=LOCAL).log.done for body in bodies)


async def test_finished_logs_can_be_read_after_a_restart(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as first:
        await first.send(G1)
        done = (await first.until_done("g1"))[-1]
        epoch = first.session.cursors["g1"].epoch
    model = ScriptedModel()
    async with serving(model, tmp_path) as server, server.peer() as second:
        await second.send(G1)
        assert (await second.until_done("g1"))[-1] == done
        assert (second.text("g1"), second.session.cursors["g1"].epoch) == (first.text("g1"), epoch)
        await second.send(Attach(id="g1", epoch="another"))
        assert (await second.take(Snapshot)).text == first.text("g1")
    assert model.rows_computed == 0


async def test_a_cancel_that_was_not_carried_out_is_not_forgotten(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await write(server, peer, G1)
        server.engine.cancel = lambda id, received: None  # type: ignore[method-assign]
        server.registry.cancel("g1", time.monotonic(), principal=LOCAL)
        await server.registry.close()
        seen = peer.text("g1")
    model = ScriptedModel()
    async with serving(model, tmp_path) as server, server.peer() as peer:
        await peer.send(Attach(id="g1"))
        done = (await peer.until_done("g1"))[-1]
    assert isinstance(done, Done)
    assert (done.reason, done.phase, done.usage.prompt_tokens > 0) == (DoneReason.CANCELLED, "decode", True)
    assert peer.text("g1") == seen
    assert model.rows_computed == 0


async def test_unfinished_answers_are_interrupted_at_the_start_on_request(tmp_path: Path) -> None:
    async with interrupted(tmp_path, G1) as before:
        pass
    async with serving(ScriptedModel(), tmp_path, OnRestart.INTERRUPT) as server, server.peer() as peer:
        await peer.send(Attach(id="g1"))
        done = (await peer.until_done("g1"))[-1]
    assert isinstance(done, Done)
    assert done.reason is DoneReason.INTERRUPTED
    assert peer.text("g1") == before.text("g1")


async def test_running_answers_are_interrupted_at_the_end_on_request(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path, OnRestart.INTERRUPT) as server, server.peer() as peer:
        await write(server, peer, G1)
        await server.registry.close()
        assert (await peer.take(Done)).reason is DoneReason.INTERRUPTED


async def test_the_tokens_of_another_model_are_worth_nothing(tmp_path: Path) -> None:
    async with interrupted(tmp_path, G1):
        pass
    model = ScriptedModel()
    model.facts = dataclasses.replace(model.facts, name="Another")
    async with serving(model, tmp_path) as server, server.peer() as peer:
        await peer.send(Attach(id="g1"))
        done = (await peer.until_done("g1"))[-1]
    assert isinstance(done, Done)
    assert done.reason is DoneReason.FAILED
    assert done.error is not None
    assert "Scripted" in done.error.message
    assert "Another" in done.error.message


async def test_prompt_too_long_after_a_restart_fails_with_both_numbers(tmp_path: Path) -> None:
    async with interrupted(tmp_path, G1):
        pass
    async with serving(ScriptedModel(context=32), tmp_path) as server, server.peer() as peer:
        await peer.send(Attach(id="g1"))
        done = (await peer.until_done("g1"))[-1]
    assert isinstance(done, Done)
    assert done.error is not None
    assert "the context now holds 32" in done.error.message


async def test_on_detach_ms_counts_from_the_restart(tmp_path: Path) -> None:
    body = Generate(id="g1", prompt="Hi", on_detach_ms=1)
    async with interrupted(tmp_path, body):
        pass
    model = ScriptedModel()
    model.gate.close()
    async with serving(model, tmp_path) as server:
        generation = server.registry.get("g1", re="attach", principal=LOCAL)
        await server.until(lambda: generation.log.done is not None)
        assert generation.log.done is not None
        assert generation.log.done.reason is DoneReason.CANCELLED


async def test_text_that_was_held_back_comes_once(tmp_path: Path) -> None:
    """The engine sends the held-back beginning of a stop string when it ends. It must not be sent a second time."""
    text = await whole_text(G1)
    for at in range(4, 12):
        body = Generate(id="g1", prompt="Hi", params=Params(seed=3, stop=(text[at : at + 20] + "never",)))
        data = tmp_path / str(at)
        data.mkdir()
        async with interrupted(data, body):
            pass
        async with serving(ScriptedModel(), data) as server, server.peer() as peer:
            await peer.send(Attach(id="g1"))
            await peer.until_done("g1")
            assert peer.text("g1") == text


# A real process, killed

STORY = [
    Generate(id=f"s{n}", prompt=prompt, params=Params(temperature=0, max_tokens=300), on_detach_ms=None)
    for n, prompt in enumerate(("Tell me a long story", "What is a WebSocket?", "Write a poem about the sea"))
]


@contextlib.asynccontextmanager
async def process(data: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run ``streamui serve`` on the starter model, one answer at a time; yields the process and its address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMUI_")}
    arguments = ["-m", "server", "serve", "--port=0", "--data", str(data), "--parallel=1"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=kept
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START):
            line = (await process.stdout.readline()).decode()
        yield process, line.split()[-1].replace("http:", "ws:") + "/ws"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def peer_of(address: str, cursors: dict[str, Cursor] | None = None) -> AsyncIterator[Peer]:
    async with connect(address, proxy=None, compression=None) as socket:
        peer = Peer(socket, cursors)
        await peer.take(Welcome)
        yield peer


async def story(data: Path, kills: int) -> dict[str, Cursor]:
    """Read STORY to its end. Kill the server ``kills`` times in the middle."""
    cursors: dict[str, Cursor] = {}
    for life in range(kills + 1):
        async with process(data) as (server, address), peer_of(address, cursors) as peer:
            for body in STORY:
                cursor = cursors.get(str(body.id))
                if cursor is None:
                    await peer.send(body)
                elif cursor.done is None:
                    await peer.send(Attach(id=cursor.id, epoch=cursor.epoch, after=cursor.seq))
                    assert (await peer.take(Attached, id=cursor.id)).recovered
            if life < kills:
                await peer.take(Token)
                server.send_signal(signal.SIGKILL)
                await peer.closed()
                continue
            for body in STORY:
                cursor = cursors.get(str(body.id))
                if cursor is None or cursor.done is None:
                    await peer.until_done(str(body.id))
    return cursors


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.slow)])
async def test_a_killed_server_continues_with_the_same_text(tmp_path: Path, kills: int) -> None:
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = await story(tmp_path / "whole", kills=0)
    killed = await story(tmp_path / "killed", kills=kills)
    for body in STORY:
        a, b = whole[str(body.id)], killed[str(body.id)]
        assert a.text == b.text != ""
        assert a.done is not None and b.done is not None
        assert b.done.sha256 == a.done.sha256 == hashlib.sha256(b.text.encode()).hexdigest()
        assert b.done.reason == a.done.reason
        assert b.done.usage.completion_tokens == a.done.usage.completion_tokens
