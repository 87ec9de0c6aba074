"""Endpoints of the page and its files, with the headers that keep foreign code out."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import server
from server.guard.connection_access import pass_of
from server.page.bundle import BUNDLES
from server.page.links import PageLinks
from server.page.sources import FRONTEND
from server.transports.root_path import root_path_of

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
        # the addresses of three scripts: colours, PDF, offline page
        "trusted-types streamui-worker streamui-pdf streamui-service-worker",
    )
)
HEADERS: Final = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

BUNDLED: Final = re.compile(r"[0-9a-f]+/[A-Za-z0-9-]+\.(?:js|css)(?:\.map)?")
"""Files of a bundle that are served."""

STARTS: Final = ("http.response.start", "websocket.http.response.start")

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""Cache header for addresses that contain a digest of their content."""

_templates = Jinja2Templates(Path(__file__).parent / "templates")


async def page(request: Request) -> Response:
    """``GET /``: the chat page; 304 if the browser has it."""
    shown = pass_of(request.scope)
    facts = {"version": server.__version__, "principal": shown.principal if shown else None}
    return _revalidated(request, page_response(request, "index.html", facts))


async def embed_script(request: Request) -> Response:
    """``GET /embed/stream-ui.js``: the module for foreign pages, at a stable address (docs/embedding.md)."""
    links: PageLinks = request.app.state.page_links
    script = f'export * from "../static/{links.current().embed}";\n'
    return _revalidated(request, Response(script, media_type="text/javascript"))


def _revalidated(request: Request, response: Response) -> Response:
    """Return ``response`` with an ETag; 304 if the browser has it."""
    etag = f'W/"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    headers = {"cache-control": "no-cache", "etag": etag}
    if {etag, "*"} & {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def page_response(
    request: Request, template: str, facts: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an HTML page. Its template gets ``root``, the path of the server, and ``links``."""
    links: PageLinks = request.app.state.page_links
    facts = {**facts, "root": root_path_of(request), "links": links.current()}
    return _templates.TemplateResponse(request, template, facts, status, headers)


async def offline_page(request: Request) -> Response:
    """``GET /offline``: the page that the service worker shows without the server."""
    return page_response(request, "offline.html", {}, headers={"cache-control": "no-cache"})


async def service_worker(request: Request) -> Response:
    """``GET /service-worker.js``. Its path is the root, so that it sees all addresses."""
    response = FileResponse(FRONTEND / "service-worker.js", media_type="text/javascript")
    response.headers["cache-control"] = "no-cache"
    return response


class FrontendFiles(StaticFiles):
    """Source files of the page. Browsers keep what is below an address with the digest of the sources, and revalidate
    the rest each time."""

    def __init__(self, links: PageLinks) -> None:
        super().__init__(directory=FRONTEND)
        self._links = links

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        given = scope.get("path_params", {}).get("digest")
        response.headers["cache-control"] = IMMUTABLE if given and given == self._links.digest else "no-cache"
        return response


class BundleFiles(StaticFiles):
    """The page's bundle, compressed beforehand."""

    def __init__(self) -> None:
        super().__init__(directory=BUNDLES, check_dir=False)

    async def check_config(self) -> None:
        """Work without a bundle: the page's sources are served instead."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if not BUNDLED.fullmatch(path.replace(os.sep, "/")):
            return "", None
        return super().lookup_path(path)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        compressed = f"{full_path}.gz"
        small = "gzip" in Headers(scope=scope).get("accept-encoding", "") and os.path.isfile(compressed)
        if small:
            full_path, stat_result = compressed, os.stat(compressed)
        response = super().file_response(full_path, stat_result, scope, status_code)
        if small:
            response.headers["content-encoding"] = "gzip"
        response.headers["vary"] = "Accept-Encoding"
        response.headers["cache-control"] = IMMUTABLE
        return response


COMPRESSION: Final = Middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
"""Compression of HTML pages."""


def compressed(files: StaticFiles) -> ASGIApp:
    """Return ``files`` with compression. Not for streams: it would hold back their events.

    The level is low, since the event loop compresses each piece of a file.
    """
    return GZipMiddleware(files, minimum_size=1000, compresslevel=4)


class SecurityHeaders:
    """ASGI middleware that adds HEADERS to every HTTP response, also to one that refuses a WebSocket.

    A response keeps headers of its own. HSTS is missing on purpose: this server speaks no TLS, and HSTS from one server
    on localhost would make a browser refuse plain HTTP to all others there. A TLS proxy may add it.
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
