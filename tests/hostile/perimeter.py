"""Requests with a wrong host name, a foreign page or a bad token, on every route."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile.attack import Attack, Http, Pairs, handshake
from tests.hostile.routes import ROUTES, Entry, Needs

HOSTS = (
    "evil.example",
    "evil.example:$PORT",
    "127.0.0.1.evil.example:$PORT",
    "localhost.evil.example",
    "localhost.",
    "evil@127.0.0.1:$PORT",
    "127.0.0.1:$PORT:80",
    "127.0.0.1:port",
    "127.0.0.1 evil.example",
    "[::1].evil.example",
    "0.0.0.0:$PORT",
    "2130706433:$PORT",
    "127.1:$PORT",
    "",
)

ORIGINS = (
    "null",
    "http://evil.example",
    "http://127.0.0.1.evil.example:$PORT",
    "http://127.0.0.1:$PORT.evil.example",
    "http://evil-127.0.0.1:$PORT",
    "http://localhost:$PORT",
    "https://127.0.0.1:$PORT",
    "HTTP://127.0.0.1:$PORT",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "http://user@127.0.0.1:$PORT",
    "http://127.0.0.1:$PORT/",
    "http://127.0.0.1:$PORT, http://evil.example",
    "http://127.0.0.1:$PORT http://127.0.0.1:$PORT",
    "file://",
    "127.0.0.1:$PORT",
    "",
)

SITES: tuple[Pairs, ...] = (
    (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")),
    (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")),
    (("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")),
)

CREDENTIALS: dict[str, tuple[str, Pairs]] = {
    "nothing": ("", ()),
    "in the address": ("?token=$ALICE&access_token=$ALICE", ()),
    "cookie of another name": ("", (("cookie", "token=$ALICE"),)),
    "token as cookie": ("", (("cookie", "streamui_session=$ALICE"),)),
    "broken cookie": ("", (("cookie", 'streamui_session="; streamui_session=;;;=='),)),
}
"""Requests without a valid form of credentials."""

WRONG: dict[str, Pairs] = {
    "wrong": (("authorization", "Bearer sui_wrong"),),
    "revoked": (("authorization", "Bearer $REVOKED"),),
    "cut off": (("authorization", "Bearer sui_"),),
    "longer": (("authorization", "Bearer $ALICEx"),),
    "empty": (("authorization", "Bearer "),),
    "no scheme": (("authorization", "$ALICE"),),
    "other scheme": (("authorization", "Basic $ALICE"),),
    "two in one": (("authorization", "Bearer $ALICE, Bearer $BOB"),),
    "long": (("authorization", f"Bearer {'x' * 8000}"),),
    "not ASCII": (("authorization", "Bearer ÿé漢"),),
}
"""Credentials in the right form, with no valid token."""


def attacks() -> Iterator[Attack]:
    for route, entry in ROUTES.items():
        yield from (_on(route, entry, "host", 403, "--allow-host", (("host", host),)) for host in HOSTS)
        yield from (_on(route, entry, "origin", 403, "--allow-origin", (("origin", origin),)) for origin in ORIGINS)
        yield from (_on(route, entry, "site", 403, "--allow-origin", site) for site in SITES)
        yield _on(route, entry, "from elsewhere", 403, "--auth token", (("x-forwarded-for", "192.0.2.7"),))
        yield from _without_token(route, entry)
    yield from _with_cookie()


def _without_token(route: tuple[str, str], entry: Entry) -> Iterator[Attack]:
    told = _unauthorized(entry.path)
    for what, headers in WRONG.items():
        yield _on(route, entry, f"token {what}", 401, told, headers, at="locked")
    for what, (query, headers) in CREDENTIALS.items():
        if entry.needs is Needs.TOKEN:
            yield _on(route, entry, f"token {what}", 401, told, headers, at="locked", query=query)
        elif entry.needs is Needs.LOGIN:
            yield _on(route, entry, f"token {what}", 303, "", headers, at="locked", query=query)


def _unauthorized(path: str) -> str:
    """Return what a refusal for the lack of a token says."""
    if path.startswith("/v1/messages"):
        return "authentication_error"
    return "invalid_api_key" if path.startswith("/v1/") else "unauthorized"


def _with_cookie() -> Iterator[Attack]:
    """A server with tokens refuses foreign pages and host names, even with a valid token."""
    for host in HOSTS:
        yield Http(
            "host with token", "GET /", 403, "--allow-host", at="locked", token="alice", headers=(("host", host),)
        )
    for origin in ORIGINS:
        headers = (("origin", origin),)
        yield Http("origin with token", "POST /generate", 403, "--allow-origin", "{}", "locked", "alice", headers)
        yield handshake("origin with token", 403, "--allow-origin", headers=headers, at="locked")


def _on(
    route: tuple[str, str],
    entry: Entry,
    group: str,
    status: int,
    told: str,
    headers: Pairs,
    *,
    at: str = "open",
    query: str = "",
) -> Attack:
    method, _ = route
    if method == "WEBSOCKET":
        return handshake(group, status, told, headers=headers, at=at, path=entry.path, query=query)
    return Http(group, f"{method} {entry.path}{query}", status, told, entry.body, at, headers=headers)
