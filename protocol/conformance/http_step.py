"""The step that sends an HTTP request (PROTOCOL 13), and the form of its response for patterns."""

from __future__ import annotations

import json
from typing import Any

from protocol.conformance import script
from protocol.conformance.channel_wire import events
from protocol.conformance.http import BadResponse, HttpExchange, send
from protocol.conformance.matching import fits, mismatch, show
from protocol.conformance.stage import Failed, Inconclusive, Stage
from protocol.conformance.wire import Unreachable


async def ask(stage: Stage, step: script.Http) -> None:
    """Carry out the step. Raises Failed, Inconclusive, Violation, UnknownVariable; Unreachable when no server
    answers."""
    path = stage.fill(step.path)
    body = _body(stage, step)
    stage.transcript.append(
        f"http > {step.method} {path} {show(body.decode('utf-8', 'replace') if body else '')}".rstrip()
    )
    async with stage.limit(f"the answer to {step.method} {path}"):
        try:
            answer = await _answer(await send(step.method, _base(stage.url) + path, body, stage.fill(step.headers)))
        except OSError as problem:
            raise Unreachable(f"{stage.url}: {problem}") from problem
        except (BadResponse, ValueError) as problem:
            raise Failed(f"{step.method} {path}: {problem}") from problem
    stage.transcript.append(f"http < {show(answer)}")
    if step.unless is not None and fits(stage.fill(step.unless), answer):
        raise Inconclusive(f"got {show(answer)}")
    if found := mismatch(stage.fill(step.answer), answer):
        raise Failed(f"{step.method} {path}: {found}; got {show(answer)}")
    stage.save(step.save, answer)


def _base(url: str) -> str:
    """Return the base address of the HTTP endpoints: beside the channel or the WebSocket."""
    scheme, mark, rest = url.partition("://")
    secure = scheme.partition("+")[0] in ("https", "wss")
    return ("https" if secure else "http") + mark + rest.removesuffix("/channel").removesuffix("/ws")


def _body(stage: Stage, step: script.Http) -> bytes | None:
    if step.bytes is not None:
        return bytes.fromhex(step.bytes)
    if step.text is not None:
        return str(stage.fill(step.text)).encode()
    return None if step.body is None else json.dumps(stage.fill(step.body), ensure_ascii=False).encode()


async def _answer(exchange: HttpExchange) -> dict[str, Any]:
    try:
        await exchange.begin()
        return {"status": exchange.status, "headers": exchange.headers, "body": await _content(exchange)}
    finally:
        exchange.abort()


async def _content(exchange: HttpExchange) -> Any:
    kind = exchange.headers.get("content-type", "").partition(";")[0]
    if kind == "text/event-stream":
        return [{**fields, "data": json.loads(fields["data"])} async for fields in events(exchange)]
    text = (await exchange.body()).decode()
    if kind == "application/json":
        return json.loads(text)
    return [json.loads(line) for line in text.split("\n") if line] if kind == "application/x-ndjson" else text
