"""The crossing between conversations and generations, at moments that no client can choose."""

import asyncio
import json
import threading
import time
from collections.abc import Sequence

import pytest

from protocol.messages import Conversation, Generate, Watch
from server.generations.entries import Entry
from server.generations.ownership import LOCAL
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer


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
