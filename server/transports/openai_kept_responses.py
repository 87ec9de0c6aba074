"""Endpoints of stored responses, ``/v1/responses/{id}``: read, follow, cancel, delete, list the input items; and
``/v1/responses/input_tokens``, which counts the tokens of a request."""

from __future__ import annotations

import contextlib
import re
import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import MAX_WHOLE
from server.generations.registry import Registry
from server.guard.principal import principal_of
from server.openai.errors import RefusedError, rename_field
from server.openai.kept_items import page_of
from server.openai.response_request import read_response
from server.transports.generations import while_connected
from server.transports.openai_endpoint import json_response
from server.transports.openai_response_reader import ResponseReader
from server.transports.openai_response_start import NAMES, response_start
from server.transports.openai_responses import follow
from server.transports.openai_stored import StoredResponse, previous_items, stored_response
from server.transports.requests import read_body

FLAGS: Final = {"true": True, "false": False}
"""Values of ``stream`` in a query."""


async def read(request: Request) -> Response | ASGIApp:
    """``GET /v1/responses/{id}``: the response as it is now; with ``?stream=true`` its events, from the first one or
    after number ``starting_after``."""
    response, stream, after = _named(request), _stream(request), _starting_after(request)
    if after is not None and not stream:
        raise RefusedError("starting_after needs stream=true", param="starting_after")
    if stream:
        return follow(request, response, -1 if after is None else after)
    return json_response(await response.now())


async def cancel(request: Request) -> Response:
    """``POST /v1/responses/{id}/cancel``: stop the response; return it once it has ended."""
    response = _named(request)
    await while_connected(request, _end(request, response))
    return json_response(await response.now())


async def delete(request: Request) -> Response:
    """``DELETE /v1/responses/{id}``: stop the response and forget it."""
    response = _named(request)
    await while_connected(request, _end(request, response))
    registry: Registry = request.app.state.registry
    registry.forget(response.generation)
    return json_response({"id": response.generation.id, "object": "response", "deleted": True})


async def input_items(request: Request) -> Response:
    """``GET /v1/responses/{id}/input_items``: the input, with that of the responses before it, in pages."""
    return json_response(page_of(_named(request).note.items, request.query_params))


async def input_tokens(request: Request) -> Response:
    """``POST /v1/responses/input_tokens``: the length of the prompt that a request would have."""
    asked = read_response(await read_body(request))
    start = response_start(request, asked, await previous_items(request, asked.previous))
    registry: Registry = request.app.state.registry
    try:
        size = await registry.measure(start.body, start.written)
    except RemoteProtocolError as error:
        rename_field(error, NAMES)
        raise
    return json_response({"object": "response.input_tokens", "input_tokens": size.tokens})


async def compact(request: Request) -> Response:
    """``POST /v1/responses/compact``: not found; without this route it would be the wrong method of a response."""
    raise RefusedError("this server shortens no input; leave out its oldest items", code="not_found", status=404)


def _named(request: Request) -> StoredResponse:
    return stored_response(request, request.path_params["id"])


async def _end(request: Request, response: StoredResponse) -> None:
    """Stop a response, and wait until it has ended."""
    registry: Registry = request.app.state.registry
    with contextlib.closing(ResponseReader(response)) as reader:
        try:
            registry.cancel(response.generation.id, time.monotonic(), principal=principal_of(request.scope))
        except RemoteProtocolError as error:
            if error.code is not ErrorCode.ALREADY_DONE:
                raise
        await reader.to_end()


def _stream(request: Request) -> bool:
    given = request.query_params.get("stream", "false").lower()
    if given not in FLAGS:
        raise RefusedError("stream must be true or false", param="stream")
    return FLAGS[given]


def _starting_after(request: Request) -> int | None:
    given = request.query_params.get("starting_after")
    if given is not None and not (re.fullmatch("[0-9]{1,16}", given) and int(given) <= MAX_WHOLE):
        raise RefusedError(f"starting_after must be a whole number from 0 to {MAX_WHOLE}", param="starting_after")
    return None if given is None else int(given)
