"""The limit on a write, and a stream of OpenAI's API whose client takes nothing."""

from __future__ import annotations

import asyncio
import json

import pytest

from server.transports.sse import EventStream
from server.transports.stall import StallLimit
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer

REQUEST = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "stream": True})


async def test_a_write_that_takes_too_long_ends_the_block() -> None:
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(TimeoutError):
            async with StallLimit(0.05) as limit:
                with limit:
                    pass
                with limit:
                    await asyncio.Event().wait()
    assert limit._timer is None


async def test_only_the_write_that_runs_counts() -> None:
    async with StallLimit(2 * DEADLINE) as limit:
        with limit:
            first = limit._timer
        limit._look()
        assert (first is not None, limit._timer, limit._limit.when()) == (True, None, None)
        with limit:
            limit._look()
            assert limit._timer not in (None, first) and limit._limit.when() is None


async def test_a_client_that_takes_nothing_stops_its_answer(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = EventStream.write

    async def write_no_token(stream: EventStream, text: str) -> None:
        if '"content":"' in text and '"role"' not in text:
            await asyncio.Event().wait()
        await write(stream, text)

    monkeypatch.setattr(EventStream, "write", write_no_token)
    monkeypatch.setattr("server.transports.openai_stream.BEHIND_SECONDS", 0.05)
    async with server.listen("POST", "/v1/chat/completions", REQUEST) as listener:
        last = (await listener.rest())[-1]
    assert json.loads(last.data)["error"]["code"] == "rate_limit_exceeded"
    await server.until(lambda: server.registry.active == [])
