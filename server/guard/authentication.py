"""Authentication: ASGI middleware that stores the principal in the scope and rejects requests that lack a required
token."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.guard.connection_access import PASS, limit_key
from server.guard.guard import Guard
from server.guard.principal import ANONYMOUS, PRINCIPAL
from server.guard.rates import TooManyError
from server.guard.refusing import NO_STORE, answer, forbidden, rate_limited, unauthorized
from server.guard.tokens import Pass

COOKIE: Final = "streamui_session"

OPEN: Final = ("/login", "/logout", "/healthz", "/readyz", "/service-worker.js", "/static/", "/embed/")
"""Paths without authentication: they reveal nothing about any principal. A folder ends with a slash."""

CONVERSATION_PAGE: Final = re.compile(r"/c/([A-Za-z0-9._-]{1,64})/?")

API_KEY: Final = "x-api-key"
KEYED: Final = "/v1/"
"""Paths where the header API_KEY may bring the token, since the clients of these APIs send it there."""

RETRY_SECONDS: Final = 1.0

GREETED: Final = ("/ws", "/channel", "/channel/")
"""Paths where `hello` may bring the token (PROTOCOL 3.6)."""


class Authentication:
    """The middleware itself. A pending request whose token is revoked ends with 401."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        shown = self._shown(scope, headers)
        if self._guard.tokens is not None:
            scope[PRINCIPAL] = shown.principal if shown else ANONYMOUS
            scope[PASS] = shown
            refused = _refused(scope, headers) if shown is None else None
            if shown is not None and _forged(scope, headers, shown):
                refused = forbidden(
                    "a request with the cookie of a login needs an Origin; scripts send a token instead"
                )
            if refused:
                await answer(refused, scope, receive, send)
                return
        if scope["type"] == "http":
            await self._serve(scope, receive, send, shown)
        else:
            await self._app(scope, receive, send)

    def _shown(self, scope: Scope, headers: Headers) -> Pass | None:
        """Return the pass for the token in Authorization or the API key, else for the browser's session."""
        tokens = self._guard.tokens
        if tokens is None:
            return None
        if "authorization" in headers:
            scheme, _, token = headers["authorization"].partition(" ")
            return tokens.admit(token.strip()) if scheme.lower() == "bearer" else None
        if API_KEY in headers and path_of(scope).startswith(KEYED):
            return tokens.admit(headers[API_KEY].strip())
        secret = HTTPConnection(scope).cookies.get(COOKIE)
        return tokens.resume(secret) if secret else None

    async def _serve(self, scope: Scope, receive: Receive, send: Send, shown: Pass | None) -> None:
        if _is_under(path_of(scope), OPEN):
            await self._app(scope, receive, send)
            return
        if wait := self._guard.charge(scope):
            text = f"more than {self._guard.limits.messages} messages in a second; slow down"
            await rate_limited(wait, text)(scope, receive, send)
            return
        try:
            with self._guard.requests.in_use(limit_key(scope)):
                await self._serve_while_valid(scope, receive, send, shown)
        except TooManyError:
            text = f"{self._guard.limits.sockets} requests wait already; wait until one has been answered"
            await rate_limited(RETRY_SECONDS, text)(scope, receive, send)

    async def _serve_while_valid(self, scope: Scope, receive: Receive, send: Send, shown: Pass | None) -> None:
        """Serve the request; answer 401 if its token is revoked before the response begins.

        A response that has begun belongs to a connection, which is closed by its own code (connections.py).
        """
        begun = ended = False

        def end() -> None:
            nonlocal ended
            if not begun:
                ended = True
                leave.reschedule(asyncio.get_running_loop().time())

        async def noting(message: Message) -> None:
            nonlocal begun
            if not ended:
                begun = True
                await send(message)

        if shown is None:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(None) as leave:
                with self._guard.waiting(shown, end):
                    await self._app(scope, receive, noting)
        except TimeoutError:
            if not ended:
                raise
        if ended:
            await unauthorized()(scope, receive, send)


def path_of(scope: Scope) -> str:
    """Return the path of a request below the server's root path."""
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def _refused(scope: Scope, headers: Headers) -> Response | None:
    """Return the response for a request without a valid token; None when it may continue."""
    path = path_of(scope)
    if "authorization" in headers:
        return unauthorized()
    if _is_under(path, OPEN) or _is_under(path, GREETED):
        return None
    if scope["type"] == "http" and scope["method"] == "GET" and (_is_page(path) or _is_left_for(headers)):
        return RedirectResponse(scope.get("root_path", "") + _login_for(path), 303, NO_STORE)
    return unauthorized()


def _forged(scope: Scope, headers: Headers, shown: Pass) -> bool:
    """Tell whether another page may have made the browser send its cookie (cross-site request forgery).

    The server's own pages send an Origin, which perimeter.py has already checked.
    """
    safe = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
    return shown.session is not None and not safe and "origin" not in headers


def _login_for(path: str) -> str:
    """Return the login page's address, with the conversation to return to."""
    conversation = CONVERSATION_PAGE.fullmatch(path)
    return f"/login?conversation={conversation[1]}" if conversation else "/login"


def _is_page(path: str) -> bool:
    return path == "/" or path.startswith("/c/")


def _is_left_for(headers: Headers) -> bool:
    """Tell whether a person navigates to this address, rather than a script."""
    return "text/html" in headers.get("accept", "")


def _is_under(path: str, places: tuple[str, ...]) -> bool:
    return path in places or any(place.endswith("/") and path.startswith(place) for place in places)
