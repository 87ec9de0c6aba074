"""ASGI middleware that gives every request an id, and logs a line when it ends."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.logs import belonging_to, event

logger = logging.getLogger(__name__)

HEADER: Final = b"x-request-id"
WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")

STARTS: Final = ("http.response.start", "websocket.http.response.start", "websocket.accept")
"""ASGI messages that carry response headers."""

SWITCHING_PROTOCOLS: Final = 101
FORBIDDEN: Final = 403
"""Status that uvicorn sends for a WebSocket that is closed before it was accepted."""


class RequestLog:
    """Gives each request and WebSocket an id, or uses the proxy's, and returns it in ``X-Request-ID``.

    The log has the route's pattern, not the path: a path can name a channel, and its name is all that another client
    needs to use it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        id, started, status, fault = _request_id(scope), time.monotonic(), 0, None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in STARTS:
                message["headers"] = [*message.get("headers", ()), (HEADER, id.encode())]
            status = status or _status(message)
            await send(message)

        with belonging_to(request=id):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception as error:  # uvicorn sends the rest of it
                status, fault = 500, type(error).__name__
                raise
            finally:
                client = scope.get("client")
                event(
                    logger,
                    logging.INFO,
                    "request",
                    method=scope.get("method", "WEBSOCKET"),
                    route=_route(scope),
                    status=status or None,
                    fault=fault,
                    ms=round((time.monotonic() - started) * 1000, 1),
                    client=client[0] if client else None,
                )


def _request_id(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == HEADER]
    if len(given) == 1 and WELL_FORMED.fullmatch(given[0]):
        return str(given[0].decode())
    return secrets.token_hex(8)


def _status(message: Message) -> int:
    """Return the HTTP status in a message; 0 if it has none."""
    match message["type"]:
        case "websocket.accept":
            return SWITCHING_PROTOCOLS
        case "websocket.close":
            return FORBIDDEN
        case _:
            return int(message.get("status", 0))


def _route(scope: Scope) -> str | None:
    """Return the pattern of the matched route, or None."""
    endpoint = scope.get("endpoint")
    routes = scope["app"].routes if endpoint and "app" in scope else ()
    return next((route.path for route in routes if endpoint in (getattr(route, "endpoint", None), route.app)), None)
