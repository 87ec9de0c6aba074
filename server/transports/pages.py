"""The page and its files, with the headers that keep foreign code out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import server
from server.guard.visit import pass_of

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types streamui-worker streamui-service-worker",  # the addresses of two scripts: colours, offline page
    )
)
HEADERS: Final = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

STARTS: Final = ("http.response.start", "websocket.http.response.start")

FRONTEND: Final = Path(server.__file__).parents[1] / "frontend"
"""Beside the server's package, in a checkout and in an installed wheel alike."""

_templates = Jinja2Templates(Path(__file__).parent / "templates")


async def page(request: Request) -> Response:
    """The chat page."""
    shown = pass_of(request.scope)
    facts = {"version": server.__version__, "principal": shown.principal if shown else None}
    response = _templates.TemplateResponse(request, "index.html", facts)
    response.headers["cache-control"] = "no-cache"
    return response


async def service_worker(request: Request) -> Response:
    """The script that shows a page of ours when the server is away. Its place decides which addresses it sees: all."""
    response = FileResponse(FRONTEND / "service-worker.js", media_type="text/javascript")
    response.headers["cache-control"] = "no-cache"
    return response


class FrontendFiles(StaticFiles):
    """The page's modules and styles. A browser asks each time whether its copy is still the newest."""

    def __init__(self) -> None:
        super().__init__(directory=FRONTEND)

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "no-cache"
        return response


def compressed(files: StaticFiles) -> ASGIApp:
    """The same files, compressed on their way. For files only: it would hold back what a stream sends.

    The level is low because it is done on the event loop, piece by piece of a file.
    """
    return GZipMiddleware(files, minimum_size=1000, compresslevel=4)


class SecurityHeaders:
    """ASGI middleware that puts HEADERS on every HTTP response, and on one in place of a WebSocket.

    A response that has one of them already keeps its own. There is no HSTS: this server speaks no TLS, and a browser
    that is told so by one server on localhost would refuse plain HTTP to all of them. What ends TLS may add it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in STARTS:
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in HEADERS if each[0] not in given)]
            await send(message)

        await self._app(scope, receive, send_with_headers)
