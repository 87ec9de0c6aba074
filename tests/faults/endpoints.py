"""One call for every endpoint that starts a generation. It returns whether the request was accepted or refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from protocol.conformance.http import HttpResponse, send
from tests.server.transports.running import RunningServer

Body = dict[str, Any]
"""A `generate` as JSON, without its `type`."""

Ready = Callable[[], None]
"""Callback: called when everything is connected, immediately before the `generate` is sent."""

Ask = Callable[[RunningServer, Body, Ready], Awaitable[str | None]]
"""Send a request; return the code of the refusal, or None if accepted. A cancelled call cuts the connection at once."""


def frame(body: Body) -> str:
    return json.dumps({"type": "generate", **body})


def _outcome(message: dict[str, Any]) -> tuple[bool, str | None]:
    """Return whether ``message`` decides the outcome, and the code of the refusal."""
    if message["type"] == "error":
        return True, str(message["code"])
    return message["type"] in ("accepted", "attached"), None


def _refusal(answer: HttpResponse) -> str | None:
    told = json.loads(answer.body)
    return str(told["code"]) if told.get("type") == "error" else None


async def by_websocket(server: RunningServer, body: Body, ready: Ready) -> str | None:
    async with server.socket() as socket:
        try:
            await socket.recv()  # welcome
            ready()
            await socket.send(frame(body))
            while True:
                for line in str(await socket.recv()).splitlines():
                    decided, code = _outcome(json.loads(line))
                    if decided:
                        return code
        finally:
            socket.transport.abort()


async def by_events(server: RunningServer, body: Body, ready: Ready) -> str | None:
    async with server.listen("GET", "/channel") as listener:
        if listener.status != 200:
            return str(json.loads(await listener.exchange.body())["code"])
        welcome = await listener.take("welcome")
        ready()
        posted = await server.ask("POST", f"/channel/{welcome.message['connection']}", frame(body))
        if posted.status != 204:
            return _refusal(posted)
        while event := await listener.next():
            decided, code = _outcome(event.message)
            if decided:
                return code
    raise AssertionError("the stream ended without an answer")


async def by_polls(server: RunningServer, body: Body, ready: Ready) -> str | None:
    opened = await server.ask("POST", "/channel", "")
    if opened.status != 201:
        return _refusal(opened)
    path = f"/channel/{json.loads(opened.body)['connection']}"
    try:
        ready()
        posted = await server.ask("POST", path, frame(body))
        if posted.status != 204:
            return _refusal(posted)
        while True:
            polled = await server.ask("GET", f"{path}/poll")
            for line in polled.body.splitlines():
                decided, code = _outcome(json.loads(line))
                if decided:
                    return code
    finally:
        await server.ask("DELETE", path)


async def by_stream(server: RunningServer, body: Body, ready: Ready) -> str | None:
    ready()
    async with server.listen("POST", "/generate/stream", json.dumps(body)) as listener:
        if listener.status != 200:
            return str(json.loads(await listener.exchange.body())["code"])
        while event := await listener.next():
            decided, code = _outcome(event.message)
            if decided:
                return code
    raise AssertionError("the stream ended without an answer")


async def by_whole_answer(server: RunningServer, body: Body, ready: Ready) -> str | None:
    """Request the whole answer in one response, and disconnect once the server has started it."""
    others = server.registry.active  # one of them may have this id already, and then it is a conflict
    ready()
    exchange = await send("POST", server.url("/generate"), json.dumps(body).encode())
    answering = asyncio.ensure_future(exchange.answer())
    try:
        await server.until(
            lambda: answering.done() or any(one.id == body["id"] for one in server.registry.active if one not in others)
        )
        return _refusal(answering.result()) if answering.done() else None
    finally:
        exchange.abort()
        answering.cancel()
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await answering


async def by_start(server: RunningServer, body: Body, ready: Ready) -> str | None:
    ready()
    return _refusal(await server.ask("POST", "/generations", json.dumps(body)))


ENDPOINTS: Final[dict[str, Ask]] = {
    "websocket": by_websocket,
    "events": by_events,
    "polls": by_polls,
    "stream": by_stream,
    "whole answer": by_whole_answer,
    "start": by_start,
}
