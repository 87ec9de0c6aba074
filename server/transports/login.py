"""Login with a browser: the token in a form, then a cookie. It needs no script, and no address has a token.

The guard refuses forms without an origin. A browser sends the origin of a form only if the page's referrer policy
allows it, so these pages have the policy ``same-origin``.
"""

from __future__ import annotations

import math
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from server.guard.authentication import CONVERSATION_PAGE, COOKIE
from server.guard.connection_access import pass_of
from server.guard.guard import Guard
from server.guard.tokens import SESSION_SECONDS, Pass, Tokens
from server.transports.pages import page_response
from server.transports.requests import NO_STORE
from server.transports.root_path import root_path_of

MOST_BYTES: Final = 16_384
FORM: Final = "application/x-www-form-urlencoded"
WRONG: Final = "That token isn't valid."

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
HEADERS: Final = {**NO_STORE, "content-security-policy": POLICY, "referrer-policy": "same-origin"}


async def login_page(request: Request) -> Response:
    """``GET /login`` and ``GET /logout``: the form."""
    if _tokens(request) is None:
        return _sent_to(request, "/")
    shown = pass_of(request.scope)
    conversation = request.query_params.get("conversation", "")
    return _page(request, principal=shown.principal if shown else None, conversation=conversation)


async def log_in(request: Request) -> Response:
    """``POST /login``: with a valid token set a cookie and redirect to the chat or to the requested conversation."""
    guard: Guard = request.app.state.guard
    tokens = guard.tokens
    if tokens is None:
        return _sent_to(request, "/")
    if wait := guard.charge_login(request.scope):
        headers = {"retry-after": str(math.ceil(wait))}
        return _page(request, 429, "Too many attempts. Wait a moment, then try again.", headers)
    form = await _form(request)
    conversation = form.get("conversation", "")
    shown = tokens.admit(form.get("token", ""))
    if shown is None:
        return _page(request, 403, WRONG, conversation=conversation)
    return _let_in(request, tokens, shown, conversation)


async def log_out(request: Request) -> Response:
    """``POST /logout``: end the session, also where its cookie was copied."""
    guard: Guard = request.app.state.guard
    if guard.tokens is not None and (shown := pass_of(request.scope)):
        guard.tokens.end_session(shown)
        guard.end_invalid(request.app.state.connections.dismiss_invalid)
    response = _sent_to(request, "/login")
    response.delete_cookie(
        COOKIE, path=_cookie_path(request), httponly=True, samesite="strict", secure=_is_secure(request)
    )
    return response


def _let_in(request: Request, tokens: Tokens, shown: Pass, conversation: str) -> Response:
    response = _sent_to(request, _chat(conversation))
    response.set_cookie(
        COOKIE,
        tokens.open_session(shown),
        max_age=int(SESSION_SECONDS),
        path=_cookie_path(request),
        httponly=True,
        samesite="strict",
        secure=_is_secure(request),
    )
    return response


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of the form; empty if the body is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return {}
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return {}
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=4)
    except ValueError:
        return {}
    return {name: values[0].strip() for name, values in fields.items()}


def _page(
    request: Request,
    status: int = 200,
    problem: str | None = None,
    headers: dict[str, str] | None = None,
    principal: str | None = None,
    conversation: str = "",
) -> Response:
    facts = {"problem": problem, "principal": principal, "conversation": conversation, "chat": _chat(conversation)}
    return page_response(request, "login.html", facts, status, {**HEADERS, **(headers or {})})


def _chat(conversation: str) -> str:
    """Return the address of the chat: always a page of this server, whatever the form has."""
    address = f"/c/{conversation}"
    return address if CONVERSATION_PAGE.fullmatch(address) else "/"


def _sent_to(request: Request, path: str) -> Response:
    return RedirectResponse(root_path_of(request) + path, 303, NO_STORE)


def _cookie_path(request: Request) -> str:
    """Return the path of the cookie, so that other programs on the same host don't get it."""
    return root_path_of(request) or "/"


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _tokens(request: Request) -> Tokens | None:
    guard: Guard = request.app.state.guard
    return guard.tokens
