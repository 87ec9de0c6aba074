"""The guard's responses to rejected requests."""

from __future__ import annotations

import math

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from protocol import codec
from protocol.errors import ErrorCode, RemoteProtocolError

NO_STORE = {"cache-control": "no-store"}


def forbidden(text: str) -> Response:
    """Build a 403 response with a plain sentence."""
    return PlainTextResponse(f"{text}\n", 403, NO_STORE)


def unauthorized() -> Response:
    """Build a 401 response, as on all HTTP endpoints (PROTOCOL 13.1)."""
    text = "this server needs a token: send it as `Authorization: Bearer TOKEN`, or log in at /login"
    error = RemoteProtocolError(ErrorCode.UNAUTHORIZED, text)
    return _error_response(error, 401, {"www-authenticate": 'Bearer realm="StreamUI"'})


def rate_limited(seconds: float, text: str) -> Response:
    """Build a 429 response."""
    error = rate_error(seconds, text)
    return _error_response(error, 429, {"retry-after": str(max(1, math.ceil(seconds)))})


def rate_error(seconds: float, text: str, *, re: str | None = None, id: str | None = None) -> RemoteProtocolError:
    wait = max(1, math.ceil(seconds * 1000))
    return RemoteProtocolError(ErrorCode.RATE_LIMITED, text, re=re, id=id, retry_after_ms=wait)


async def answer(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send ``response`` to a request, or instead of a WebSocket handshake."""
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)


def _error_response(error: RemoteProtocolError, status: int, headers: dict[str, str]) -> Response:
    body = codec.encode(error.as_message()) + "\n"
    return Response(body, status, {**NO_STORE, **headers}, media_type="application/json")
