"""A dead part of the server: `/healthz` names it, each waiting client gets an error, and nothing hangs."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import ErrorCode
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Cancel,
    ChatMessage,
    Done,
    DoneReason,
    Error,
    Generate,
    Token,
)
from server.conversations import upkeep
from server.generations.recorder import _Step
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE, Peer
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_polling import channel as polled_channel
from tests.server.transports.test_polling import messages as polled
from tests.server.transports.test_polling import poll, post
from tests.server.transports.test_sse import channel as event_channel

HI = Generate(prompt="Hi", raw=True, on_detach_ms=None)


def raising(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError


async def break_registry(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.registry._appender, "append", raising)
    server.model.gate.step(8)  # a character may take several tokens


async def end_registry_task(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    end_task("registry")


async def break_commit(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.registry._recorder._journal, "_commit", raising)
    server.model.gate.step(8)  # a character may take several tokens


async def end_recorder(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.registry._recorder._queue.put(_Step(None, 0.0))  # the last of all


async def break_engine(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.model.failures.append(RuntimeError("the chip is on fire"))
    server.model.gate.step(8)  # a character may take several tokens


async def end_engine(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.model.failures.append(SystemExit())  # no Exception: the thread ends without a word
    server.model.gate.step(8)  # a character may take several tokens


async def break_listener(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.engine, "_listener", raising)
    server.model.gate.step(8)  # a character may take several tokens


Break = Callable[[RunningServer, pytest.MonkeyPatch], Awaitable[None]]

DEATHS: dict[str, tuple[str, Break]] = {
    "registry raises": ("registry", break_registry),
    "registry's task ends": ("registry", end_registry_task),
    "commit raises": ("recorder", break_commit),
    "recorder's thread ends": ("recorder", end_recorder),
    "engine raises": ("engine", break_engine),
    "engine's thread ends": ("engine", end_engine),
    "listener raises": ("engine", break_listener),
}


def end_task(name: str) -> None:
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == name]
    task.cancel()


async def health(server: RunningServer, path: str = "/healthz") -> tuple[int, dict[str, Any]]:
    answer = await server.get(path)
    return answer.status, json.loads(answer.body)


async def until_sick(server: RunningServer) -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE):
        while (found := await health(server))[0] == 200:
            await asyncio.sleep(0.01)
    return found[1]


async def writing(server: RunningServer, peer: Peer) -> None:
    """Start `g1`, which has written some text, and `g2`, which is queued."""
    server.model.gate.close()
    await peer.send(Generate(id="g1", prompt="Hi", raw=True), Generate(id="g2", prompt="Ho", raw=True))
    await peer.take(Accepted, id="g2")
    server.model.gate.step(8)
    await peer.take(Token, id="g1")
    await server.held()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(("part", "kill"), DEATHS.values(), ids=DEATHS)
async def test_dead_part_is_a_503_and_every_client_gets_the_reason(
    part: str, kill: Break, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(ScriptedModel(), tmp_path))
        peer = await stack.enter_async_context(server.peer())
        await writing(server, peer)
        waiting = [
            asyncio.ensure_future(server.ask("POST", "/generate", '{"id":"g3","prompt":"Hi"}')),
            asyncio.ensure_future(server.ask("POST", "/generate/stream", '{"id":"g4","prompt":"Hi"}')),
            asyncio.ensure_future(server.ask("DELETE", "/generations/g2")) if part != "engine" else None,
        ]
        await server.until(lambda: {"g3", "g4"} <= {one.id for one in server.registry.active})
        await kill(server, monkeypatch)
        body = await until_sick(server)
        assert (body["status"], list(body["failures"])) == ("failed", [part])
        status, ready = await health(server, "/readyz")
        assert (status, ready["ready"]) == (503, False)
        assert f"the {part} has died" in ready["reason"]
        for id in ("g1", "g2"):
            done = (await peer.until_done(id))[-1]
            assert isinstance(done, Done)
            assert done.reason in (DoneReason.FAILED, DoneReason.CANCELLED if id == "g2" else DoneReason.FAILED)
        answers = [await one for one in waiting if one is not None]
        assert json.loads(answers[0].body)["reason"] == "failed"
        assert answers[0].status == 500
        assert '"reason":"failed"' in answers[1].body
        await refused_at_once(server, peer)
        await old_ones_can_be_read(server, peer)


async def refused_at_once(server: RunningServer, peer: Peer) -> None:
    """Check that every endpoint refuses to start a generation, in a conversation too."""
    await peer.send(Generate(id="n1", prompt="Hi"))
    (error,) = await peer.errors()
    assert (error.code, error.re, error.id) == (ErrorCode.ENGINE_FAILED, "generate", "n1")
    assert (await server.ask("POST", "/api/conversations", '{"id":"c1"}')).status == 201
    body = '{"conversation":"c1","content":"Hi"}'
    await peer.send(Generate(id="n2", conversation="c1", content="Hi"))
    (error,) = await peer.errors()
    assert error.code == ErrorCode.ENGINE_FAILED
    for path in ("/generate", "/generate/stream", "/generations"):
        for asked in ('{"prompt":"Hi"}', body):
            answer = await server.ask("POST", path, asked)
            assert (answer.status, json.loads(answer.body)["code"]) == (503, "engine_failed")
    frame = '{"type":"generate","id":"n3","prompt":"Hi"}'
    path = await polled_channel(server, frame)
    assert [message["code"] for message in polled(await poll(server, path))] == ["engine_failed"]
    async with event_channel(server) as (listener, path):
        await post(server, path, frame)
        assert (await listener.take("error")).message["code"] == "engine_failed"
    whole = await server.ask("GET", "/api/conversations/c1")
    assert json.loads(whole.body)["messages"] == []


async def old_ones_can_be_read(server: RunningServer, peer: Peer) -> None:
    await peer.send(Attach(id="g1"), Cancel(id="g1"))
    attached = await peer.take(Attached, id="g1")
    assert attached.recovered
    assert (await peer.take(Error, re="cancel")).code == ErrorCode.ALREADY_DONE
    await peer.take(Done, id="g1")
    answer = await server.ask("DELETE", "/generations/g1")
    assert json.loads(answer.body)["code"] == "already_done"
    assert json.loads((await server.ask("GET", "/generations/g1")).body)["reason"] == "failed"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("name", ["registry raises", "registry's task ends", "engine's thread ends", "listener raises"])
async def test_a_restart_revives_nothing_of_what_was_told_to_have_failed(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await writing(server, peer)
        await DEATHS[name][1](server, monkeypatch)
        await until_sick(server)
        ends = [(await peer.until_done(id))[-1] for id in ("g1", "g2")]
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        assert server.registry.active == []
        await peer.send(Attach(id="g1"), Attach(id="g2"))
        assert [(await peer.until_done(id))[-1] for id in ("g1", "g2")] == ends
        assert await health(server) == (200, await healthy(server))


async def healthy(server: RunningServer) -> dict[str, Any]:
    status, body = await health(server)
    assert (status, body["status"], body["failures"]) == (200, "ok", {})
    return body


async def test_a_conversation_has_the_answer_that_failed_and_continues_after_a_restart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await server.ask("POST", "/api/conversations", '{"id":"c1"}')
        server.model.gate.close()
        await peer.send(Generate(id="g1", message_id="m1", conversation="c1", content="Hi"))
        await peer.take(Accepted, id="g1")
        await server.held()
        await break_registry(server, monkeypatch)
        await peer.until_done("g1")
        whole = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        assert [(m["id"], m["state"]) for m in whole["messages"]] == [("m1", "done"), ("g1", "failed")]
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await peer.send(Generate(id="g2", conversation="c1", content="Again"))
        assert (await peer.until_done("g2"))[-1].reason is DoneReason.STOP  # type: ignore[union-attr]


CONVERSATIONS: dict[str, Callable[[RunningServer, pytest.MonkeyPatch], None]] = {
    "task ends": lambda server, monkeypatch: end_task("conversations"),
    "thread ends": lambda server, monkeypatch: server.conversations._store._thread.shutdown(),
}


@pytest.mark.parametrize("kill", CONVERSATIONS.values(), ids=CONVERSATIONS)
async def test_conversations_that_have_died_are_a_503_and_other_answers_continue(
    kill: Callable[[RunningServer, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await server.ask("POST", "/api/conversations", '{"id":"c1"}')
        kill(server, monkeypatch)
        body = await until_sick(server)
        assert list(body["failures"]) == ["conversations"]
        await peer.send(Generate(id="g1", messages=(ChatMessage(role="user", content="Hi"),)))
        assert (await peer.until_done("g1"))[-1].reason is DoneReason.STOP  # type: ignore[union-attr]
        await peer.send(Generate(id="g2", conversation="c1", content="Hi"))
        answer = await server.ask("GET", "/api/conversations/c1")
        if kill is CONVERSATIONS["thread ends"]:
            (error,) = await peer.errors()
            assert (error.code, answer.status) == (ErrorCode.STORAGE_FAILED, 503)
        else:
            assert (await peer.until_done("g2"))[-1].reason is DoneReason.STOP  # type: ignore[union-attr]


async def test_a_purge_that_raises_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(upkeep, "purge", raising)
    async with serving(ScriptedModel(), tmp_path) as server:
        body = await until_sick(server)
        assert body["failures"] == {"conversations": "ZeroDivisionError"}


async def test_a_server_that_goes_down_in_order_calls_no_part_dead(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    await healthy(server)
    await server.registry.close()
    status, body = await health(server)
    assert (status, body["failures"]) == (503, {})
    assert caplog.records == [] or all(record.levelname != "ERROR" for record in caplog.records)
