"""CORS headers for pages on other origins: none, unless the operator allows an origin."""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from server.guard.origins import Origins

METHODS = ("GET", "POST", "PATCH", "DELETE")
HEADERS = ("authorization", "content-type", "last-event-id")
EXPOSED = ("location", "retry-after")


def cross_origin(origins: Origins) -> list[Middleware]:
    """Return middleware that lets pages of these origins read responses with a token. Cookies work only on our own
    pages."""
    if not origins.allowed:
        return []
    allowed = sorted(origins.allowed)
    return [
        Middleware(
            CORSMiddleware, allow_origins=allowed, allow_methods=METHODS, allow_headers=HEADERS, expose_headers=EXPOSED
        )
    ]
