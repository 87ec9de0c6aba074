"""Errors below ``/v1`` in OpenAI's form or Anthropic's, also those of the guard and of the router."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from protocol.errors import ErrorCode, RemoteProtocolError
from server.anthropic.errors import anthropic_error
from server.guard.authentication import path_of
from server.openai.errors import FORBIDDEN, ErrorReply, error_body, error_reply, headers_of, kind_of
from server.transports.openai_endpoint import error_response

ROOT: Final = "/v1"
MESSAGES: Final = f"{ROOT}/messages"
"""Address of Anthropic's API. It and those below it have errors in Anthropic's form."""
SHORT: Final = ("/chat/completions", "/responses", "/models", "/embeddings")
"""Addresses that mean those below ROOT: many people leave it out of the base address, and llama-server takes both.

Not ``/completions``: on a server below ``/chat``, it may be what is left of ``/chat/completions``.
"""
FAILED: Final = RemoteProtocolError(ErrorCode.INTERNAL, "a fault in the server")
BAD_REQUEST: Final = 400


class OpenAIErrors:
    """ASGI middleware that translates responses to failed requests below ``/v1``.

    It also takes ``//`` for ``/`` there, which clients whose base address ends with a slash send, ignores a slash at
    the end, and takes SHORT for the whole addresses.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = _with_whole_path(scope)
        if scope["type"] not in ("http", "websocket") or not _is_below(scope):
            await self._app(scope, receive, send)
            return
        sender = _Translating(scope, receive, send)
        try:
            await self._app(scope, receive, sender)
        except Exception:
            await sender.fail()
            raise


class _Translating:
    """Owns one response, also one to a WebSocket's handshake: passes it on, or replaces its body."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
        self._started = scope["type"] == "websocket"  # the server answers a handshake that failed by itself
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == f"{self._kind}.start":
            self._started = True
            kind = Headers(raw=message["headers"]).get("content-type", "")
            if message["status"] >= BAD_REQUEST and not kind.startswith("text/html"):
                self._start = message
                return
        if self._start is None:
            await self._send(message)
        elif message["type"] == f"{self._kind}.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_translated(self._start)

    async def fail(self) -> None:
        """Report an unexpected error if no response has begun."""
        if not self._started:
            self._started = True
            await error_response(self._formed(error_reply(FAILED)))(self._scope, self._receive, self._send)

    async def _send_translated(self, start: Message) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        reply = self._formed(_translated(start["status"], self._body))
        headers.update({**reply.headers, "content-type": "application/json", "content-length": str(len(reply.content))})
        await self._send({**start, "status": reply.status, "headers": headers.raw})
        await self._send({"type": f"{self._kind}.body", "body": reply.content})

    def _formed(self, reply: ErrorReply) -> ErrorReply:
        """Return the error, which has OpenAI's form, in that of the API of its address."""
        return anthropic_error(reply) if _is_below(self._scope, MESSAGES) else reply


def _translated(status: int, body: bytes) -> ErrorReply:
    """Return the error in OpenAI's form, which it may have already."""
    found = _decoded(body)
    if isinstance(found.get("error"), dict):
        return ErrorReply(status, found, {})
    code, text = found.get("code"), found.get("message")
    if not isinstance(code, str) or not isinstance(text, str):
        text = body.decode("utf-8", "replace").strip()
        kind = FORBIDDEN._replace(status=status)
    else:
        kind = kind_of(RemoteProtocolError(ErrorCode(code), text))._replace(status=status)
    retry_after_ms = found.get("retry_after_ms")
    return ErrorReply(status, error_body(text, kind), headers_of(kind, retry_after_ms))


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_below(scope: Scope, root: str = ROOT) -> bool:
    path = path_of(scope)
    return path == root or path.startswith(f"{root}/")


def _with_whole_path(scope: Scope) -> Scope:
    path = path_of(scope)
    if any(path == short or path.startswith(f"{short}/") for short in SHORT):
        path = ROOT + path
    if path.startswith(f"{ROOT}/"):
        path = re.sub("/{2,}", "/", path).rstrip("/")
    path = scope.get("root_path", "") + path
    return scope if path == scope["path"] else {**scope, "path": path, "raw_path": path.encode()}
