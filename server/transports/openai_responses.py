"""Endpoint ``POST /v1/responses``: as one JSON object, or as a stream of named events."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from server.openai.ended import failure_of
from server.openai.errors import ErrorReply
from server.openai.response_answer import KEEP_ALIVE
from server.openai.response_request import read_response
from server.transports.generations import while_connected
from server.transports.openai_endpoint import error_response, json_response
from server.transports.openai_response_reader import ResponseReader
from server.transports.openai_response_start import ResponseStart, response_start, start_response
from server.transports.openai_stored import StoredResponse, previous_items
from server.transports.openai_stream import Emit, Wire, stream_chunks
from server.transports.requests import read_body


async def create(request: Request) -> Response | ASGIApp:
    """Answer a request. The client that leaves stops its answer, unless it asked for it in the background."""
    received = time.monotonic()
    asked = read_response(await read_body(request))
    start = response_start(request, asked, await previous_items(request, asked.previous))
    if asked.stream:
        stream = _Stream(request, start, received)
        return stream_chunks(request, stream.run, Wire(named=True, failure=stream.failed))
    if asked.background:
        response = await start_response(request, start, received)
        return json_response(await response.now())
    return await while_connected(request, _whole(request, start, received))


def follow(request: Request, response: StoredResponse, after: int) -> ASGIApp:
    """Return the response that streams the events of a stored response after number ``after``."""

    async def run(emit: Emit) -> None:
        with closing(ResponseReader(response)) as reader:
            async for events in reader.events():
                await emit(each for each in events if each["sequence_number"] > after or each["type"] == KEEP_ALIVE)

    return stream_chunks(request, run, Wire(named=True, failure=lambda reply: None))


class _Stream:
    """Owned by its request: starts a response and streams its events."""

    def __init__(self, request: Request, start: ResponseStart, received: float) -> None:
        self._request = request
        self._start = start
        self._received = received
        self._reader: ResponseReader | None = None

    async def run(self, emit: Emit) -> None:
        response = await start_response(self._request, self._start, self._received)
        with closing(ResponseReader(response)) as self._reader:
            async for events in self._reader.events():
                await emit(events)

    def failed(self, reply: ErrorReply) -> dict[str, Any] | None:
        """Return the last event for a client that can't read the answer to its end.

        None in the background: the answer continues, and the client may read the rest later.
        """
        background = self._start.note.told["background"]
        return self._reader.answer.failed(reply) if self._reader and not background else None


async def _whole(request: Request, start: ResponseStart, received: float) -> Response:
    response = await start_response(request, start, received)
    with closing(ResponseReader(response)) as reader:
        await reader.to_end()
    assert response.generation.log.done is not None
    failure = failure_of(response.generation.log.done)
    return error_response(failure) if failure else json_response(reader.answer.whole())
