"""Endpoints of one generation without a stream: start, read, wait, stop (PROTOCOL 13.5 to 13.8)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from protocol import codec
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import AttachPoint, Done, DoneReason, Generate, ServerMessage, Steer, Steered, Tune, Tuned
from server.conversations.service import Conversations, Started
from server.generations.generation import Generation
from server.generations.registry import Registry
from server.guard.principal import principal_of
from server.transports.answer import Answer, answer_of, encoded, shown_model
from server.transports.connections import RECONNECT_MS, Connections
from server.transports.cursors import attach_point
from server.transports.events import ends_unwatched
from server.transports.polling import LINES, MOST_WAIT_SECONDS, WAIT_SECONDS
from server.transports.reader import resume_at
from server.transports.requests import JSON, NO_STORE, flag, read_body, seconds
from server.transports.root_path import root_path_of
from server.transports.socket import Disconnected
from server.transports.waiting import cancel_if, wait_for_disconnect

STATUSES: Final = {DoneReason.FAILED: 500, DoneReason.INTERRUPTED: 503}
"""Status of an answer that ended early; its body is the answer all the same."""

T = TypeVar("T")


async def generate(request: Request) -> Response:
    """``POST /generate``: start a generation and return the whole answer once it is done."""
    received = time.monotonic()
    body = ends_unwatched(codec.decode_generate(await read_body(request)))
    answer = await while_connected(request, _answer(request, body, received))
    status = 200 if answer.reason is None else STATUSES.get(answer.reason, 200)
    return Response(encoded(answer), status, NO_STORE, media_type=JSON)


async def start(request: Request) -> Response:
    """``POST /generations``: 201 once it is accepted, 200 if it was accepted before."""
    received = time.monotonic()
    body = codec.decode_generate(await read_body(request))
    generation, new, message = await _start(request, body, received)
    log = generation.log
    accepted: dict[str, str | int] = {"id": log.id, "epoch": log.epoch}
    if body.conversation is not None and message is not None:
        accepted |= {"conversation": body.conversation, "message": message}
    if new and generation.dropped:
        accepted["dropped"] = generation.dropped
    if model := shown_model(generation, request.app.state.registry):
        accepted["model"] = model
    content = msgspec.json.encode(accepted) + b"\n"
    headers = {**NO_STORE, "location": f"{root_path_of(request)}/generations/{log.id}"}
    return Response(content, 201 if new else 200, headers, media_type=JSON)


async def state(request: Request) -> Response:
    """``GET /generations/{id}``: its state and its text so far, with ``?pieces=1`` also the text of each event."""
    with_pieces = flag(request, "pieces")
    registry: Registry = request.app.state.registry
    generation = registry.get(request.path_params["id"], re="status", principal=principal_of(request.scope))
    return Response(encoded(answer_of(generation, registry, with_pieces=with_pieces)), 200, NO_STORE, media_type=JSON)


async def cancel(request: Request) -> Response:
    """``DELETE /generations/{id}``: cancel it; return its `done` once the engine has stopped."""
    registry: Registry = request.app.state.registry
    id, principal = request.path_params["id"], principal_of(request.scope)
    registry.cancel(id, time.monotonic(), principal=principal)
    generation = registry.get(id, re="cancel", principal=principal)
    done = await while_connected(request, _end(generation))
    return Response(codec.encode(done) + "\n", 200, NO_STORE, media_type=JSON)


async def steer(request: Request) -> Response:
    """``POST /generations/{id}/steer``: give it an instruction; return the `steered` event once it was read."""
    registry: Registry = request.app.state.registry
    id, principal = request.path_params["id"], principal_of(request.scope)
    message = codec.decode_steer(await read_body(request), id)
    steered = await while_connected(request, _steered(registry, message, principal))
    return Response(codec.encode(steered) + "\n", 200, NO_STORE, media_type=JSON)


async def _steered(registry: Registry, message: Steer, principal: str) -> Steered:
    return await (await registry.steer(message.id, message.content, message.key, principal=principal))


async def tune(request: Request) -> Response:
    """``POST /generations/{id}/tune``: change its parameters; return the `tuned` event once they apply."""
    registry: Registry = request.app.state.registry
    id, principal = request.path_params["id"], principal_of(request.scope)
    message = codec.decode_tune(await read_body(request), id)
    tuned = await while_connected(request, _tuned(registry, message, principal))
    return Response(codec.encode(tuned) + "\n", 200, NO_STORE, media_type=JSON)


async def _tuned(registry: Registry, message: Tune, principal: str) -> Tuned:
    return await (await registry.tune(message, principal=principal))


async def poll_events(request: Request) -> Response:
    """``GET /generations/{id}/poll``: the events after a cursor; 204 if none came in time."""
    wait = seconds(request, "wait", default=WAIT_SECONDS, most=MOST_WAIT_SECONDS)
    registry: Registry = request.app.state.registry
    point = attach_point(request)
    generation = registry.get(point.id, re="attach", principal=principal_of(request.scope))
    try:
        async with asyncio.timeout(wait):
            messages = await while_connected(request, _next(generation, point))
    except TimeoutError:
        return Response(status_code=204, headers=NO_STORE)
    lines = "".join(f"{codec.encode(message)}\n" for message in messages)
    return Response(lines, 200, NO_STORE, media_type=LINES)


async def _next(generation: Generation, point: AttachPoint) -> list[ServerMessage]:
    """Return the events after ``point`` as soon as there are some; `done` again if the reader has it already."""
    log = generation.log
    after = resume_at(log, point)
    if after is None:
        snapshot = log.snapshot()
        return [snapshot, *log.events(snapshot.seq)]
    async with contextlib.aclosing(generation.events(after)) as events:
        first = await anext(events)
    return [
        message
        for event in (first, *log.events(first.seq))
        for message in ((event, log.snapshot_at(event.seq)) if isinstance(event, Steered | Tuned) else (event,))
    ]


async def _start(request: Request, body: Generate, received: float) -> Started:
    conversations: Conversations = request.app.state.conversations
    return await conversations.start(principal_of(request.scope), body, received)


async def _answer(request: Request, body: Generate, received: float) -> Answer:
    generation, _, _ = await _start(request, body, received)
    await _end(generation)
    return answer_of(generation, request.app.state.registry)


async def _end(generation: Generation) -> Done:
    """Wait until a generation is done."""
    async for _ in generation.events(generation.log.pieces):
        pass
    assert generation.log.done is not None
    return generation.log.done


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of ``work``. Raises Disconnected (the client left), RemoteProtocolError (the server stops)."""
    connections: Connections = request.app.state.connections
    try:
        return await cancel_if(wait_for_disconnect(request.receive), connections.leaving.wait(), work=work)
    except Disconnected:
        if connections.leaving.is_set():
            text = "the server is going down; ask again when it is back"
            raise RemoteProtocolError(ErrorCode.BUSY, text, retry_after_ms=RECONNECT_MS) from None
        raise
