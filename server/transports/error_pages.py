"""Errors that a person meets in a browser, as pages; for every other client they stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from protocol import codec
from protocol.errors import ErrorCode, RemoteProtocolError
from server.guard.authentication import path_of
from server.transports.pages import page_response
from server.transports.requests import JSON, NO_STORE

REPORTS: Final = ("/healthz", "/readyz", "/metrics")
"""Addresses whose body is worth reading whatever the status."""

KEPT: Final = ("allow", "retry-after", "www-authenticate")
"""Headers of a response that its page has too."""


@dataclass(frozen=True)
class Words:
    """Text of an error page."""

    title: str
    text: str


WORDS: Final = {
    401: Words("Log in first", "This page needs a login."),
    403: Words("Access denied", "This server doesn't accept requests from here."),
    404: Words("Page not found", "There's nothing at this address."),
    405: Words("Page not found", "There's no page at this address."),
    429: Words("Too many requests", "Wait a moment, then try again."),
    503: Words("The server is busy", "Wait a moment, then try again."),
}
BROKEN: Final = Words("Something went wrong", "Wait a moment, then try again.")
"""For every other status."""


async def refuse_address(request: Request, error: Exception) -> Response:
    """Build the response to an unknown address or a wrong method: the `error` message, as on all HTTP endpoints."""
    assert isinstance(error, HTTPException)
    code = ErrorCode.UNKNOWN_ID if error.status_code == HTTPStatus.NOT_FOUND else ErrorCode.BAD_FRAME
    problem = RemoteProtocolError(code, f"{request.method} {request.scope['path'][:200]}: {error.detail.lower()}")
    headers = {**NO_STORE, **(error.headers or {})}
    return Response(codec.encode(problem.as_message()) + "\n", error.status_code, headers, media_type=JSON)


class ErrorPages:
    """ASGI middleware that replaces the response to a failed navigation with a page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_navigation(scope):
            await self._app(scope, receive, send)
            return
        sender = _Replacing(dict(scope), receive, send)  # a copy: routing changes the root path of a mounted part
        try:
            await self._app(scope, receive, sender)
        except Exception:
            await sender.fail()
            raise


class _Replacing:
    """Owns one response: passes it on, or drops its body and sends a page instead."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._started = False
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            if _is_replaced(message):
                self._start = message
                return
        if self._start is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page(self._start)

    async def fail(self) -> None:
        """Send a page for an unexpected error if no response has begun."""
        if not self._started:
            self._started = True
            await self._send_page({"status": 500, "headers": []})

    async def _send_page(self, start: Message) -> None:
        status, headers = int(start["status"]), Headers(raw=start["headers"])
        words = WORDS.get(status, BROKEN)
        plain = headers.get("content-type", "").startswith("text/plain")
        detail = self._body.decode("utf-8", "replace").strip() if plain and status == HTTPStatus.FORBIDDEN else ""
        facts = {"title": words.title, "text": words.text, "detail": detail}
        kept = {name: headers[name] for name in KEPT if name in headers}
        page = page_response(Request(self._scope), "error.html", facts, status, {**NO_STORE, **kept})
        await page(self._scope, self._receive, self._send)


def _is_navigation(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    is_read = scope["method"] == "GET" and path_of(scope) not in REPORTS
    return is_read and "text/html" in headers.get("accept", "")


def _is_replaced(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return int(start["status"]) >= HTTPStatus.BAD_REQUEST and not kind.startswith("text/html")
