"""Implementation of each kind of step."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from protocol.conformance import script
from protocol.conformance.dial import dial
from protocol.conformance.greeting import BEHIND
from protocol.conformance.http_step import ask
from protocol.conformance.matching import fits, mismatch, show
from protocol.conformance.observer import Observer, Violation
from protocol.conformance.stage import CaseSocket, Failed, Inconclusive, Skipped, Stage
from protocol.conformance.wire import Ended, Refused

PONG_MS: Final = 1000.0
END_OF_ANSWER: Final = "\n\n"
_UNSUPPORTED: Final = {"type": "error", "code": "unsupported"}
_ABSENT: Final = {"$absent": True}


async def carry_out(stage: Stage, step: script.AnyStep) -> None:
    """Carry out one step. Raises Failed, Inconclusive, Violation, UnknownVariable; Unreachable when no server
    answers."""
    await _STEPS[type(step)](stage, step)


async def _connect(stage: Stage, step: script.Connect) -> None:
    url = stage.url + stage.fill(step.query)
    stage.transcript.append(f"{step.on} > connect {step.query} {step.subprotocols or ''}".rstrip())
    try:
        wire = await dial(url, step.subprotocols, stage.options.to_open)
    except Refused as refused:
        stage.transcript.append(f"{step.on} < HTTP {refused.status} {show(refused.body)}")
        if step.refused is None:
            raise Failed(f"the handshake was refused with HTTP {refused.status}") from None
        _demand(stage.fill(step.refused), {"status": refused.status, "body": refused.body})
        return
    plain = "plain=1" in step.query
    observer = None if plain else Observer(stage.ledger)
    line = stage.lines[step.on] = CaseSocket(step.on, wire, observer, stage.transcript.append)
    if step.refused is not None:
        raise Failed("the handshake was accepted; expected it to be refused")
    if step.chosen is not None:
        _demand(step.chosen, {"subprotocol": wire.subprotocol} if wire.subprotocol else {})
    if step.greeted and not plain:
        async with stage.limit("welcome"):
            stage.variables["welcome"] = await line.pull(lambda m: m["type"] == "welcome")


async def _send(stage: Stage, step: script.Send) -> None:
    line = stage.line(step)
    async with stage.limit("the server to take what is sent"):
        with contextlib.suppress(Ended):  # an early close by the server shows in the next step
            for _ in range(stage.fill(step.times)):
                await _send_once(stage, step, line)


async def _send_once(stage: Stage, step: script.Send, line: CaseSocket) -> None:
    if step.binary is not None:
        await line.send(bytes.fromhex(step.binary))
    elif step.bytes is not None:
        await line.send(bytes.fromhex(step.bytes), text=True)
    elif step.fragments is not None:
        await line.send([stage.fill(part) for part in step.fragments])
    else:
        await line.send(_text_of(stage, step))


def _text_of(stage: Stage, step: script.Send) -> str:
    if step.messages is not None:
        messages = stage.fill(step.messages)
        text = "\n".join(json.dumps(m, ensure_ascii=False) for m in messages)
    else:
        text = stage.fill(step.text)
    return text if step.pad_to is None else text + " " * (stage.fill(step.pad_to) - len(text.encode()))


async def _expect(stage: Stage, step: script.Expect) -> None:
    pattern, unless = stage.fill(step.message), stage.fill(step.unless)
    line = stage.line(step)
    limit = None
    if step.within_ms is not None:
        limit = max(0.0, step.within_ms - (time.monotonic() - line.sent_at) * 1000)
    async with stage.limit(show(pattern), limit):
        message = await line.pull(_wanted(pattern, unless, step.next))
    if unless is not None and fits(unless, message):
        raise Inconclusive(f"got {show(message)}; the case needs {show(pattern)}")
    if fits(BEHIND, stage.variables.get("welcome")) and fits(_UNSUPPORTED, message) and not fits(pattern, message):
        raise Skipped(f"the server behind this one can't do it: {message.get('message')}")
    _demand(pattern, message)
    stage.save(step.save, message)


def _wanted(pattern: Any, unless: Any, next: bool) -> Callable[[dict[str, Any]], bool]:
    """Return the test for a message that answers a step, right or wrong: a wrong one fails at once, without a
    timeout."""
    type, id = pattern.get("type"), pattern.get("id")

    def wanted(message: dict[str, Any]) -> bool:
        if next:
            return bool(message["type"] != "status" or type == "status")
        if unless is not None and fits(unless, message):
            return True
        if message["type"] == "error" and type != "error" and isinstance(message.get("id"), str | None):
            return not isinstance(id, str) or message.get("id") in (None, id)
        of_this_id: bool = "id" not in message if id == _ABSENT else not isinstance(id, str) or message.get("id") == id
        return bool(of_this_id and (not isinstance(type, str) or message["type"] == type))

    return wanted


async def _settle(stage: Stage, step: script.Settle) -> None:
    await settle_line(stage, stage.line(step))


async def settle_line(stage: Stage, line: CaseSocket) -> None:
    async with stage.limit("the answer to a status"):
        await line.send('{"type":"status"}')
        await line.pull(lambda m: m["type"] == "status" and "id" not in m)


async def _without(stage: Stage, step: script.Without) -> None:
    line, pattern = stage.line(step), stage.fill(step.message)
    if step.for_ms:
        with contextlib.suppress(TimeoutError, Ended):
            async with asyncio.timeout(step.for_ms / 1000):
                while not any(fits(pattern, m) for m in line.unread):
                    await line.read()
    if found := next((m for m in line.unread if fits(pattern, m)), None):
        raise Failed(f"got {show(found)}, which must not come")


async def _forgive(stage: Stage, step: script.Forgive) -> None:
    line, pattern = stage.line(step), stage.fill(step.message)
    kept = [m for m in line.unread if not fits(pattern, m)]
    stage.save(step.save, {"count": len(line.unread) - len(kept)})
    line.unread[:] = kept


async def _alive(stage: Stage, step: script.Alive) -> None:
    line, nonce = stage.line(step), secrets.token_hex(4)
    async with stage.limit("pong", PONG_MS):
        await line.send(json.dumps({"type": "ping", "nonce": nonce}))
        pong = await line.pull(lambda m: m["type"] == "pong")
    _demand({"nonce": nonce}, pong)


async def _finish(stage: Stage, step: script.Finish) -> None:
    line, id = stage.line(step), stage.fill(step.id)
    pieces = 0
    async with stage.limit(f"done of {id}"):
        while True:
            message = await line.pull(lambda m: _ends(m, id))
            if message["type"] == "done":
                break
            if message["type"] == "error":
                raise Failed(f"got {show(message)}; expected done of {id}")
            pieces += message["type"] == "token"
    if step.unless is not None and fits(stage.fill(step.unless), message):
        raise Inconclusive(f"{id} ended with {show(message['reason'])}")
    reader = line.observer.readers[id] if line.observer else None
    text, epoch = (reader.text, reader.epoch) if reader else ("", "")
    _demand(stage.fill(step.done if step.done is not None else {}), message)
    if step.text is not None:
        _demand({"text": stage.fill(step.text)}, {"text": text})
    stage.save(step.save, {"done": message, "text": text, "epoch": epoch, "pieces": pieces})


def _ends(message: dict[str, Any], id: str) -> bool:
    """Tell whether a message belongs to the log of ``id``: anything but its status and answers about it."""
    if message["type"] == "error":
        return message.get("re") == "generate" and message.get("id") == id
    return message.get("id") == id and message["type"] in ("token", "snapshot", "done", "accepted")


LOST: Final = 1006
"""Close code of a connection that ended without a close frame (RFC 6455 7.1.5)."""


async def _closed(stage: Stage, step: script.Closed) -> None:
    line = stage.line(step)
    async with stage.limit("the server to close"):
        while True:
            try:
                await line.read()
            except Ended as end:
                code = end.code
                break
    if step.unread and code == LOST:
        raise Inconclusive("the connection was reset, and the close frame lost with it")
    _demand({"close code": stage.fill(step.code)}, {"close code": code})


async def _drop(stage: Stage, step: script.Drop) -> None:
    line = stage.line(step)
    line.open = False
    stage.transcript.append(f"{line.name} > (dropped)")
    await line.wire.drop()


async def _close(stage: Stage, step: script.Close) -> None:
    line = stage.line(step)
    line.open = False
    stage.transcript.append(f"{line.name} > (closed)")
    await line.wire.close()


async def _answer(stage: Stage, step: script.PlainAnswer) -> None:
    line, frames = stage.line(step), []
    async with stage.limit("the end mark of an answer"):
        while (frame := await line.read()) != END_OF_ANSWER:
            if isinstance(frame, bytes) or not frame.strip():
                raise Violation("10.3", f"a frame of nothing but white space inside an answer: {frame!r}")
            frames.append(frame)
    text = "".join(frames)
    _demand({"answer": stage.fill(step.text)} if step.text is not None else {}, {"answer": text})
    stage.save(step.save, {"text": text, "frames": len(frames)})


async def _plain_line(stage: Stage, step: script.PlainLine) -> None:
    async with stage.limit(f"a line that fits {show(step.text)}"):
        frame = await stage.line(step).read()
        while step.until and not fits(stage.fill(step.text), frame):
            frame = await stage.line(step).read()
    _demand({"line": stage.fill(step.text)}, {"line": frame})


async def _compare(stage: Stage, step: script.Compare) -> None:
    value, to = stage.fill(step.value), stage.fill(step.to)
    for mask in step.mask:
        value, to = _masked(value, stage.fill(mask)), _masked(to, stage.fill(mask))
    if step.needed and not fits(to, value):
        raise Inconclusive(f"{mismatch(to, value)}, which the case needs")
    _demand(to, value)


def _masked(value: Any, mask: str) -> Any:
    return json.loads(json.dumps(value).replace(mask, "*"))


def _demand(pattern: Any, value: Any) -> None:
    if found := mismatch(pattern, value):
        raise Failed(f"{found}; got {show(value)}")


_STEPS: Final[dict[type[script.Step], Callable[[Stage, Any], Any]]] = {
    script.Connect: _connect,
    script.Send: _send,
    script.Expect: _expect,
    script.Settle: _settle,
    script.Without: _without,
    script.Forgive: _forgive,
    script.Alive: _alive,
    script.Finish: _finish,
    script.Closed: _closed,
    script.Drop: _drop,
    script.Close: _close,
    script.PlainAnswer: _answer,
    script.PlainLine: _plain_line,
    script.Compare: _compare,
    script.Http: ask,
}
