"""Check of Host and Origin: the outermost ASGI middleware."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from server.guard.origins import Hosts, Origins, is_loopback, name_of
from server.guard.principal import address_of
from server.guard.refusing import answer, forbidden

SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class Perimeter:
    """Rejects with 403 requests to a foreign host name and from foreign pages.

    ``auth``: tokens are required; clients that are not web pages may then connect from anywhere.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, origins: Origins, *, auth: bool) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._auth = auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (refused := self._refused(scope)):
            await answer(refused, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = hosts[0] if len(hosts) == 1 else ""
        name = name_of(host)
        if name is None or not (name in self._hosts or name == _arrived_at(scope)):
            shown = f"{host[:80]!r} is" if host else "no Host is"
            return forbidden(f"{shown} not a name of this server; if it should be, start it with --allow-host NAME")
        if origins:
            return self._refused_origin(origins, SCHEMES[scope["scheme"]], host)
        if _from_another_site(headers):
            return forbidden(
                "only this server's own pages may use this; for other sites, start it with --allow-origin ORIGIN"
            )
        if not self._auth and not is_loopback(address_of(scope) or "localhost"):
            return forbidden("only this machine may use a server without tokens; start it with --auth token")
        return None

    def _refused_origin(self, given: list[str], scheme: str, host: str) -> Response | None:
        if len(given) == 1 and self._origins.admits(given[0], scheme, host):
            return None
        text = "web pages of {!r} may not use this server; if they should, start it with --allow-origin {}"
        return forbidden(text.format(given[0][:80], "ORIGIN" if given[0] == "null" else given[0][:80]))


def _arrived_at(scope: Scope) -> str | None:
    """Return the address that the client connected to. A page can't put it in Host under its own name."""
    server = scope.get("server")
    return str(server[0]).partition("%")[0].lower() if server else None


def _from_another_site(headers: Headers) -> bool:
    """Tell whether the browser says that another site's page sends this request, other than by navigation."""
    return headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate"
