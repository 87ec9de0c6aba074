"""Conversations and generations together, at moments that a client can't choose."""

import asyncio
import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from protocol.messages import Accepted, Attach, Conversation, Done, Generate, Params, Watch
from server.conversations import reading, upkeep
from server.generations.entries import Entry
from server.generations.ownership import LOCAL
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving


async def test_a_turn_whose_client_has_gone_is_told_to_those_who_watch(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks when the turn is written and its generation is being journaled."""
    await server.ask("POST", "/api/conversations", '{"id":"c1"}')
    server.model.gate.close()
    journal, may_write = server.registry._recorder._journal, threading.Event()
    assert journal is not None
    write = journal.write

    def write_later(entries: Sequence[Entry]) -> None:
        assert may_write.wait(DEADLINE)
        write(entries)

    async with server.peer() as peer:
        await peer.send(Watch())
        await peer.settle()
        monkeypatch.setattr(journal, "write", write_later)
        body = Generate(id="g1", message_id="m1", conversation="c1", content="Hi")
        starting = asyncio.ensure_future(server.conversations.start(LOCAL, body, time.monotonic()))
        await server.until(lambda: server.registry.find("g1", LOCAL) is not None)
        starting.cancel()
        await asyncio.wait([starting])
        may_write.set()
        told = await peer.take(Conversation, id="c1")
        whole = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        assert [message["id"] for message in whole["messages"]] == ["m1", "g1"]
        assert told.version == whole["version"]
        server.model.gate.open()
        await peer.take(Conversation, id="c1", version=whole["version"] + 1)


async def test_a_restarted_server_has_an_answer_in_its_conversation_before_it_tells_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No client is served before the server knows which answers were being written when it stopped."""
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await server.ask("POST", "/api/conversations", '{"id":"c1"}')
        server.model.gate.close()
        await peer.send(Generate(id="g1", conversation="c1", content="Hi", params=Params(max_tokens=5)))
        await peer.take(Accepted)
        await server.held()
        await server.registry.close()

    reads, may_read = threading.Event(), threading.Event()
    read_left = reading.left_writing

    def read_late(db: sqlite3.Connection) -> list[reading.Writing]:
        reads.set()
        assert may_read.wait(DEADLINE)
        return read_left(db)

    monkeypatch.setattr(reading, "left_writing", read_late)
    async with contextlib.AsyncExitStack() as stack:
        starting = asyncio.ensure_future(stack.enter_async_context(serving(ScriptedModel(), tmp_path)))
        assert await asyncio.to_thread(reads.wait, DEADLINE)
        assert not starting.done()
        may_read.set()
        server = await starting
        peer = await stack.enter_async_context(server.peer())
        await peer.send(Attach(id="g1"))
        await peer.take(Done)
        whole = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        assert whole["messages"][-1]["state"] == "done"


async def test_what_was_derived_from_deleted_messages_goes_with_them(
    monkeypatch: pytest.MonkeyPatch, server: RunningServer
) -> None:
    store, purged = server.conversations._store, threading.Event()
    store.purged = purged.set
    await server.ask("POST", "/api/conversations", '{"id":"c1","title":"Frogs"}')
    await server.ask("DELETE", "/api/conversations/c1")
    monkeypatch.setattr(upkeep, "KEPT_MS", 0)
    monkeypatch.setattr(upkeep, "INTERVAL_SECONDS", 0.01)
    keeping = asyncio.ensure_future(server.conversations._keep())
    assert await asyncio.to_thread(purged.wait, DEADLINE)
    keeping.cancel()
    await asyncio.wait([keeping])


async def test_chats_keep_the_default_model_that_has_answered_in_them(server: RunningServer) -> None:
    chosen = '{"id":"chosen","settings":{"model":"other"}}'
    for body in ('{"id":"used"}', '{"id":"unused"}', '{"id":"writing"}', chosen):
        await server.ask("POST", "/api/conversations", body)
    async with server.peer() as peer:
        for name in ("used", "chosen"):
            await peer.send(Generate(id=name, conversation=name, content="Hi", params=Params(max_tokens=2)))
            await peer.take(Done)
    async with server.peer() as peer:
        server.model.gate.close()
        await peer.send(Generate(id="g", conversation="writing", content="Hi", params=Params(max_tokens=2)))
        await peer.take(Accepted)
        await server.conversations.keep_model("Scripted")
        server.model.gate.open()
        await peer.take(Done)
    found = {}
    for id in ("used", "unused", "writing", "chosen"):
        whole = json.loads((await server.ask("GET", f"/api/conversations/{id}")).body)
        found[id] = whole["settings"].get("model")
    assert found == {"used": "Scripted", "unused": None, "writing": "Scripted", "chosen": "other"}
