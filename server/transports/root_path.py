"""ASGI middleware for a server that is under a path of its own behind a proxy, such as ``/chat``."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send


class RootPath:
    """Puts the root path into the ASGI scope of each request.

    A proxy may remove it from the address, or leave it there: both are understood.
    """

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            given = str(scope["path"])
            path = given if f"{given}/".startswith(f"{self._root}/") else f"{self._root}{given}"
            scope = {**scope, "root_path": self._root, "path": path, "raw_path": quote(path).encode()}
        await self._app(scope, receive, send)


def root_path_of(request: Request) -> str:
    """Return the path below which a proxy serves this server; empty if the server has its own host."""
    return str(request.scope.get("root_path", ""))
