"""CORS headers for pages on other origins: none, unless the operator allows an origin."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.guard.origins import Origins

METHODS = ("GET", "POST", "PATCH", "DELETE")
HEADERS = ("*",)
"""Any: browser SDKs send many of their own, such as `x-stainless-os`. A preflight response mirrors those it was asked
for."""
EXPOSED = ("location", "retry-after", "retry-after-ms", "x-request-id", "x-should-retry")


def cross_origin(origins: Origins) -> list[Middleware]:
    """Return middleware that lets pages of these origins read responses with a token. Cookies work only on our own
    pages."""
    if not origins.allowed:
        return []
    allowed = sorted(origins.allowed)
    return [
        Middleware(VaryByOrigin),
        Middleware(
            CORSMiddleware, allow_origins=allowed, allow_methods=METHODS, allow_headers=HEADERS, expose_headers=EXPOSED
        ),
    ]


class VaryByOrigin:
    """ASGI middleware that adds ``Vary: Origin`` to every response.

    Otherwise a browser that has a file from this server's own page would use its copy, which lacks CORS headers, for a
    page of an allowed origin, and reject it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "origin" not in headers.get("vary", "").lower():  # CORSMiddleware adds it to some
                    headers.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, send_varying)
