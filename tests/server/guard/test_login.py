"""The login page and its cookie."""

import re
from urllib.parse import urlencode

import pytest

from protocol.messages import Welcome
from server.guard import guard as guards
from tests.server.guard.conftest import Keys, bearer
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer

FORM = "application/x-www-form-urlencoded"


def here(server: RunningServer) -> dict[str, str]:
    return {"origin": f"http://127.0.0.1:{server.port}"}


async def log_in(server: RunningServer, token: str, **more: str) -> tuple[int, str, str]:
    """Log in; return the status, the cookie as the browser would send it, and the whole Set-Cookie header."""
    headers = {**here(server), "content-type": FORM, **more}
    reply = await server.ask("POST", "/login", urlencode({"token": token}), headers)
    told = reply.headers.get("set-cookie", "")
    return reply.status, told.partition(";")[0], told


async def test_the_page_sends_who_is_not_logged_in_to_the_form(locked: RunningServer) -> None:
    reply = await locked.ask("GET", "/")
    assert (reply.status, reply.headers["location"]) == (303, "/login")
    page = await locked.ask("GET", "/login")
    assert page.status == 200
    assert '<form class="login-form" method="post" action="/login">' in page.body
    scripts = re.findall(r"<script[^>]*>", page.body)
    assert len(scripts) == 1, "only the theme is a script's work"
    assert re.fullmatch(r'<script src="/static/sources/[0-9a-f]+/first-paint\.js">', scripts[0])
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "style=" not in page.body
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "same-origin"  # with another one, browsers send the Origin `null`
    assert page.headers["cache-control"] == "no-store"
    for file in ("/static/style.css", "/static/styles/login.css", "/static/icon.svg"):
        assert (await locked.ask("GET", file)).status == 200


async def test_logging_in_leads_back_to_the_conversation_that_was_asked_for(locked: RunningServer, keys: Keys) -> None:
    reply = await locked.ask("GET", "/c/frogs.1")
    assert (reply.status, reply.headers["location"]) == (303, "/login?conversation=frogs.1")
    page = await locked.ask("GET", "/login?conversation=frogs.1")
    assert '<input type="hidden" name="conversation" value="frogs.1">' in page.body
    headers = {**here(locked), "content-type": FORM}
    wrong = await locked.ask("POST", "/login", urlencode({"token": "x", "conversation": "frogs.1"}), headers)
    assert '<input type="hidden" name="conversation" value="frogs.1">' in wrong.body
    reply = await locked.ask("POST", "/login", urlencode({"token": keys.alice, "conversation": "frogs.1"}), headers)
    assert (reply.status, reply.headers["location"]) == (303, "/c/frogs.1")


@pytest.mark.parametrize(
    "conversation", ["", "/evil.example", "..", "../logout", "a b", "\r\nx: y", "%2e", "é", "x" * 65, '">']
)
async def test_logging_in_leads_to_no_other_place(locked: RunningServer, keys: Keys, conversation: str) -> None:
    headers = {**here(locked), "content-type": FORM}
    form = urlencode({"token": keys.alice, "conversation": conversation})
    reply = await locked.ask("POST", "/login", form, headers)
    assert reply.status == 303
    assert reply.headers["location"] in ("/", "/c/..")
    page = await locked.ask("GET", f"/login?{urlencode({'conversation': conversation})}")
    assert page.status == 200
    assert '">"' not in page.body


async def test_the_page_of_somebody_who_logged_in_leads_to_the_way_out(locked: RunningServer, keys: Keys) -> None:
    _, cookie, _ = await log_in(locked, keys.alice)
    body = (await locked.ask("GET", "/", headers={"cookie": cookie})).body
    assert 'href="/logout" aria-label="Log out alice"' in body


async def test_a_right_token_brings_a_cookie_that_scripts_and_other_sites_do_not_get(
    locked: RunningServer, keys: Keys
) -> None:
    status, cookie, told = await log_in(locked, keys.alice)
    assert status == 303
    parts = {part.strip().lower() for part in told.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    assert "secure" not in parts
    assert keys.alice not in told
    assert keys.alice.encode() not in (keys.folder / "tokens.sqlite3").read_bytes()
    assert cookie.partition("=")[2].encode() not in (keys.folder / "tokens.sqlite3").read_bytes()
    assert (await locked.ask("GET", "/", headers={"cookie": cookie})).status == 200
    assert (await locked.ask("GET", "/generations/g1", headers={"cookie": cookie})).status == 404


async def test_over_https_it_is_secure(locked: RunningServer, keys: Keys) -> None:
    proxied = {"x-forwarded-proto": "https", "origin": f"https://127.0.0.1:{locked.port}"}
    _, _, told = await log_in(locked, keys.alice, **proxied)
    assert "secure" in told.lower()


@pytest.mark.parametrize("body", ["token=sui_wrong", "token=", "", "other=x", "token=%FF%FE", "a&" * 20, "x" * 20_000])
async def test_a_wrong_token_is_reported_and_gets_none(locked: RunningServer, body: str) -> None:
    headers = {**here(locked), "content-type": FORM}
    reply = await locked.ask("POST", "/login", body, headers)
    assert reply.status == 403
    assert "That token isn" in reply.body
    assert "set-cookie" not in reply.headers


async def test_attempts_are_limited(locked: RunningServer, keys: Keys) -> None:
    statuses = [(await log_in(locked, "sui_wrong"))[0] for _ in range(guards.LOGINS_AT_ONCE + 1)]
    assert statuses == [403] * guards.LOGINS_AT_ONCE + [429]
    headers = {**here(locked), "content-type": FORM}
    reply = await locked.ask("POST", "/login", urlencode({"token": keys.alice}), headers)
    assert (reply.status, int(reply.headers["retry-after"]) > 0) == (429, True)


async def test_the_cookie_opens_sockets_and_streams(locked: RunningServer, keys: Keys) -> None:
    _, cookie, _ = await log_in(locked, keys.alice)
    async with locked.socket(additional_headers={**here(locked), "cookie": cookie}) as socket:
        assert (await Peer(socket).take(Welcome)).auth is False
    async with locked.listen("GET", "/channel", headers={"cookie": cookie}) as channel:
        assert (await channel.take("welcome")).message["auth"] is False


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/generate"), ("POST", "/channel"), ("DELETE", "/generations/g1"), ("POST", "/logout")],
)
async def test_with_a_cookie_what_changes_something_has_to_say_from_which_page(
    locked: RunningServer, keys: Keys, method: str, path: str
) -> None:
    _, cookie, _ = await log_in(locked, keys.alice)
    for headers in ({}, {"origin": "null"}, {"origin": "https://evil.example"}):
        reply = await locked.ask(method, path, '{"prompt":"Hi"}', {**headers, "cookie": cookie})
        assert reply.status == 403
    assert (await locked.ask("GET", "/", headers={"cookie": cookie})).status == 200


async def test_logging_out_ends_the_session_and_what_it_has_open(locked: RunningServer, keys: Keys) -> None:
    _, cookie, _ = await log_in(locked, keys.alice)
    _, other, _ = await log_in(locked, keys.alice)
    headers = {**here(locked), "cookie": cookie}
    assert "alice" in (await locked.ask("GET", "/logout", headers=headers)).body
    async with (
        locked.peer(additional_headers=headers) as peer,
        locked.peer(additional_headers={**headers, "cookie": other}) as elsewhere,
        locked.peer(additional_headers=bearer(keys.alice)) as script,
    ):
        reply = await locked.ask("POST", "/logout", "", headers)
        assert (reply.status, reply.headers["location"]) == (303, "/login")
        assert await peer.closed() == 4401
        assert await elsewhere.errors() == await script.errors() == []
    assert (await locked.ask("GET", "/", headers={"cookie": cookie})).status == 303
    assert (await locked.ask("GET", "/", headers={"cookie": other})).status == 200


async def test_revoking_the_token_ends_its_sessions(locked: RunningServer, keys: Keys) -> None:
    _, cookie, _ = await log_in(locked, keys.alice)
    headers = {**here(locked), "cookie": cookie}
    async with locked.peer(additional_headers=headers) as peer:
        keys.revoke("alice")
        assert await peer.closed() == 4401
    assert (await locked.ask("GET", "/", headers=headers)).status == 303


async def test_a_server_without_tokens_has_no_such_page(server: RunningServer) -> None:
    for method, path in (("GET", "/login"), ("POST", "/login"), ("GET", "/logout")):
        reply = await server.ask(method, path, headers={"content-type": FORM})
        assert (reply.status, reply.headers["location"]) == (303, "/")
    assert "/logout" not in (await server.ask("GET", "/")).body
