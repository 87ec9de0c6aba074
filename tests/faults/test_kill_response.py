"""`kill -9` during a response in the background: it continues under its id, and its events keep their numbers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from protocol.conformance.http import fetch, send
from tests.faults.lives import Life, living
from tests.faults.scale import DEADLINE
from tests.server.transports.listener import Event, Listener

TOKENS = 60
SENT = {"input": "Tell me a long story", "background": True, "max_output_tokens": TOKENS, "temperature": 0}


async def events_of(life: Life, path: str, most: int | None = None) -> list[Event]:
    """Return the events of a stream, up to its end or to ``most``."""
    exchange = await send("GET", f"http://127.0.0.1:{life.port}{path}", None, None)
    try:
        await exchange.begin()
        listener, events = Listener(exchange), list[Event]()
        while (most is None or len(events) < most) and (event := await listener.next()):
            events.append(event)
        return events
    finally:
        exchange.abort()


async def asked(life: Life, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    sent = None if body is None else json.dumps(body).encode()
    reply = await fetch(method, f"http://127.0.0.1:{life.port}{path}", sent, None)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


async def test_a_response_in_the_background_survives_a_kill(tmp_path: Path) -> None:
    serve = ("server", "serve", "--port=0", f"--data={tmp_path}")
    async with asyncio.timeout(DEADLINE):
        async with living(*serve) as life:
            first = await asked(life, "POST", "/v1/responses", {**SENT, "metadata": {"a": "b"}})
            path = f"/v1/responses/{first['id']}"
            before = await events_of(life, f"{path}?stream=true", most=12)
            await life.kill()
        async with living(*serve) as life:
            after = await events_of(life, f"{path}?stream=true&starting_after={len(before) - 1}")
            response = await asked(life, "GET", path)
            whole = await events_of(life, f"{path}?stream=true")
    events = before + after
    assert [event.message["sequence_number"] for event in events] == list(range(len(events)))
    assert whole == events
    assert response == events[-1].message["response"]
    assert (response["id"], response["metadata"]) == (first["id"], {"a": "b"})
    text = "".join(event.message["delta"] for event in events if event.name == "response.output_text.delta")
    assert response["output"][0]["content"][0]["text"] == text
