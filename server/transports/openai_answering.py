"""Response to a request with choices: their generations are started and folded, whole or as a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from protocol.messages import Done, Generate, Token
from server.generations.registry import Registry
from server.openai.ended import failure_of
from server.openai.errors import ErrorReply, RefusedError
from server.transports.generations import while_connected
from server.transports.openai_choices import started
from server.transports.openai_endpoint import error_response, json_response
from server.transports.openai_stream import Emit, stream_chunks


class Answer(Protocol):
    """The fold of all choices of one request."""

    def opening(self) -> Iterator[dict[str, Any]]:
        """Yield the chunks that come before any text."""
        ...

    def feed(self, index: int, event: Token | Done) -> Iterator[dict[str, Any]]:
        """Yield the chunks of one event of the choice ``index``."""
        ...

    def closing(self) -> Iterator[dict[str, Any]]:
        """Yield the chunks that come after all choices are done."""
        ...

    def whole(self) -> dict[str, Any]:
        """Return the whole answer, once all choices are done."""
        ...


class Work(NamedTuple):
    """The generations of a request, one for each choice. ``received`` is a ``time.monotonic()``."""

    answer: Answer
    bodies: Sequence[Generate]
    received: float
    written: str = ""


async def respond(request: Request, work: Work, *, stream: bool) -> Response | ASGIApp:
    """Return the response. Raises RemoteProtocolError, unless ``stream``: the response then reports it."""
    registry: Registry = request.app.state.registry
    if len(work.bodies) > (most := registry.places.active_limit):
        raise RefusedError(f"n: you may have up to {most} answers at a time, not {len(work.bodies)}", param="n")
    if stream:
        return stream_chunks(request, lambda emit: _carry_out(request, work, emit))
    return await while_connected(request, _whole(request, work))


async def _whole(request: Request, work: Work) -> Response:
    failure = await _carry_out(request, work, _collect)
    return error_response(failure) if failure else json_response(work.answer.whole())


async def _collect(chunks: Iterable[dict[str, Any]]) -> None:
    """Go through the chunks, so that the answer has their text."""
    for _ in chunks:
        pass


async def _carry_out(request: Request, work: Work, emit: Emit) -> ErrorReply | None:
    """Start the choices and emit their chunks. Returns the error of the first one that failed."""
    answer = work.answer
    async with started(request, work.bodies, work.received, work.written) as choices:
        await emit(answer.opening())
        async for events in choices.events():
            await emit(chunk for index, event in events for chunk in answer.feed(index, event))
            failures = (failure_of(event) for _, event in events if isinstance(event, Done))
            if failure := next(filter(None, failures), None):
                return failure
    await emit(answer.closing())
    return None
