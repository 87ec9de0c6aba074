"""A stream of OpenAI's API whose client takes nothing."""

from __future__ import annotations

import asyncio
import json

import pytest

from server.transports.sse import EventStream
from tests.server.transports.running import RunningServer

REQUEST = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "stream": True})


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
