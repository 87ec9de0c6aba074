"""What all HTTP doors have in common: how a request is read, and how one is refused (PROTOCOL 13.1)."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol import codec
from protocol.codec import MAX_FRAME_BYTES
from protocol.errors import ErrorCode, RemoteProtocolError

JSON: Final = "application/json"
NO_STORE: Final = {"cache-control": "no-store"}

STATUSES: Final = {
    ErrorCode.UNKNOWN_ID: 404,
    ErrorCode.ID_CONFLICT: 409,
    ErrorCode.ALREADY_DONE: 409,
    ErrorCode.NOTHING_TO_CANCEL: 409,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.BUSY: 503,
    ErrorCode.ENGINE_FAILED: 503,
    ErrorCode.STORAGE_FAILED: 503,
    ErrorCode.INTERNAL: 500,
}
"""Of the error codes that are not just 400."""


class Door(Route):
    """A route with one method. Not HEAD along with GET: the head of a response that does not end would open one."""

    def __init__(self, method: str, path: str, endpoint: Callable[[Request], Awaitable[Any]]) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.methods = {method}


class RequestRefused(RemoteProtocolError):
    """A request that HTTP has a ``status`` of its own for."""

    def __init__(self, status: int, code: ErrorCode, message: str) -> None:
        super().__init__(code, message)
        self.status = status


def status_of(code: ErrorCode) -> int:
    """The HTTP status that an error is told with."""
    return STATUSES.get(code, 400)


async def refuse(request: Request, error: Exception) -> Response:
    """The app's handler of RemoteProtocolError: the `error` message, with the status that fits it."""
    assert isinstance(error, RemoteProtocolError)
    status = error.status if isinstance(error, RequestRefused) else status_of(error.code)
    return error_response(codec.encode(error.as_message()), status, error.retry_after_ms)


def error_response(frame: str, status: int, retry_after_ms: int | None) -> Response:
    """``frame`` is the `error` message as it goes over a WebSocket."""
    headers = dict(NO_STORE)
    if retry_after_ms is not None:
        headers["retry-after"] = str(math.ceil(retry_after_ms / 1000))
    return Response(frame + "\n", status, headers, media_type=JSON)


async def nobody_there(request: Request, error: Exception) -> Response:
    """The app's handler of a client that has gone, maybe in the middle of its request: no answer reaches it."""
    return Response(status_code=204)


async def read_body(request: Request) -> str:
    """The body of a POST. Raises RequestRefused; the type it asks for is one that no other site's page can send
    without being asked first."""
    body, _ = await read_bytes(request, (JSON,), MAX_FRAME_BYTES)
    try:
        return body.decode()
    except UnicodeDecodeError as problem:
        raise RemoteProtocolError(ErrorCode.BAD_JSON, f"the body is not UTF-8: {problem}") from problem


async def read_bytes(request: Request, kinds: tuple[str, ...], most: int) -> tuple[bytes, str]:
    """The body of a POST as it is, of up to ``most`` bytes, and which of ``kinds`` it is said to be.

    Raises RequestRefused.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        text = f"the content type must be {' or '.join(kinds)}: with curl use --json in place of --data"
        raise RequestRefused(415, ErrorCode.BAD_FRAME, text)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            text = f"the body is longer than {most} bytes; send less at a time"
            raise RequestRefused(413, ErrorCode.BAD_FRAME, text)
    return bytes(body), kind


def seconds(request: Request, name: str, *, default: float, most: float) -> float:
    """A query parameter in seconds, from 0 to ``most``. Raises RemoteProtocolError."""
    given = request.query_params.get(name)
    if given is None:
        return default
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        text = f"{name} must be a number of seconds from 0 to {most:g}, not {given!r}"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=name)
    return value
