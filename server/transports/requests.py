"""Requests of all HTTP endpoints: reading a body, refusing a request (PROTOCOL 13.1)."""

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
    ErrorCode.UNKNOWN_MODEL: 404,
    ErrorCode.ID_CONFLICT: 409,
    ErrorCode.EDIT_CONFLICT: 409,
    ErrorCode.ALREADY_DONE: 409,
    ErrorCode.NOTHING_TO_CANCEL: 409,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.HUB_FAILED: 502,
    ErrorCode.BUSY: 503,
    ErrorCode.ENGINE_FAILED: 503,
    ErrorCode.STORAGE_FAILED: 503,
    ErrorCode.INTERNAL: 500,
}
"""HTTP status of error codes; all others are 400."""


class Endpoint(Route):
    """A route with one method. GET excludes HEAD, which would open a stream that does not end."""

    def __init__(self, method: str, path: str, endpoint: Callable[[Request], Awaitable[Any]]) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.methods = {method}


class RequestRefused(RemoteProtocolError):
    """A refused request with an HTTP ``status`` of its own."""

    def __init__(self, status: int, code: ErrorCode, message: str) -> None:
        super().__init__(code, message)
        self.status = status


def status_of(code: ErrorCode) -> int:
    """Return the HTTP status of an error code."""
    return STATUSES.get(code, 400)


async def refuse(request: Request, error: Exception) -> Response:
    """Handle a RemoteProtocolError: return its `error` message with the matching status."""
    assert isinstance(error, RemoteProtocolError)
    status = error.status if isinstance(error, RequestRefused) else status_of(error.code)
    return error_response(codec.encode(error.as_message()), status, error.retry_after_ms)


def error_response(frame: str, status: int, retry_after_ms: int | None) -> Response:
    """Return the response of an `error` message; ``frame`` is the message as a WebSocket sends it."""
    headers = dict(NO_STORE)
    if retry_after_ms is not None:
        headers["retry-after"] = str(math.ceil(retry_after_ms / 1000))
    return Response(frame + "\n", status, headers, media_type=JSON)


async def client_disconnected(request: Request, error: Exception) -> Response:
    """Handle a client that has disconnected, maybe during its request: no answer can reach it."""
    return Response(status_code=204)


async def read_body(request: Request) -> str:
    """Return the body of a POST. Raises RequestRefused.

    It must be JSON: a page of another site can't send that type without a preflight request.
    """
    body, _ = await read_bytes(request, (JSON,), MAX_FRAME_BYTES)
    try:
        return body.decode()
    except UnicodeDecodeError as problem:
        raise RemoteProtocolError(ErrorCode.BAD_JSON, f"the body is not UTF-8: {problem}") from problem


async def read_bytes(request: Request, kinds: tuple[str, ...], most: int) -> tuple[bytes, str]:
    """Return the body of a POST, of up to ``most`` bytes, and its content type, one of ``kinds``.

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
    """Return a query parameter in seconds, from 0 to ``most``. Raises RemoteProtocolError."""
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


def flag(request: Request, name: str) -> bool:
    """Return whether a query parameter is 1; without it, or with 0, it is not. Raises RemoteProtocolError."""
    given = request.query_params.get(name, "0")
    if given not in ("0", "1"):
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, f"{name} must be 0 or 1, not {given!r}", field=name)
    return given == "1"
