"""What a browser is told of pages on other origins (CORS): nothing, unless the operator names them."""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from server.guard.origins import Origins

METHODS = ("GET", "POST", "PATCH", "DELETE")
HEADERS = ("authorization", "content-type", "last-event-id")
TOLD = ("location", "retry-after")


def cross_origin(origins: Origins) -> list[Middleware]:
    """The middleware that lets pages of these origins read answers, with a token: cookies stay with our own pages."""
    if not origins.allowed:
        return []
    allowed = sorted(origins.allowed)
    return [
        Middleware(
            CORSMiddleware, allow_origins=allowed, allow_methods=METHODS, allow_headers=HEADERS, expose_headers=TOLD
        )
    ]
