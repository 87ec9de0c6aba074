"""Requests that were valid once, sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.hostile.attack import FRESH, Attack, Http, Pairs, World
from tests.hostile.floods import elsewhere
from tests.hostile.line import Reply
from tests.hostile.requests import FORM

COOKIE = "streamui_session"


@dataclass(frozen=True)
class Replay:
    what: str
    carry_out: Callable[[World], None]

    @property
    def name(self) -> str:
        return f"replay: {self.what}"

    def mount(self, world: World) -> None:
        self.carry_out(world)


def attacks() -> Iterator[Attack]:
    yield Replay("a cookie after logout", cookie_after_logout)
    yield Replay("a cookie without an Origin", cookie_without_origin)
    yield Replay("a cookie from another page", cookie_from_another_page)
    yield Replay("an id with another body", another_body)
    yield Replay("an id with the same body", same_body)
    yield Replay("a cancel", cancel)
    yield Replay("a frame to a channel that was closed", closed_channel)
    yield Replay("a deleted conversation", deleted)


def _ask(world: World, sent: str, body: str | None = None, *, at: str = "open", headers: Pairs = ()) -> Reply:
    return Http("replay", sent, 0, body=body, at=at, headers=headers).asked(world, "x", last=False)


def _log_in(world: World) -> str:
    got = _ask(world, "POST /login", "token=$ALICE", at="locked", headers=(*FORM, *elsewhere(), _ours(world)))
    assert got.status == 303
    return got.headers["set-cookie"].partition(";")[0]


def _ours(world: World) -> tuple[str, str]:
    return ("origin", f"http://127.0.0.1:{world.port('locked')}")


def cookie_after_logout(world: World) -> None:
    cookie = ("cookie", _log_in(world))
    assert _ask(world, "GET /generations/x", at="locked", headers=(cookie,)).status == 404
    left = _ask(world, "POST /logout", "", at="locked", headers=(*FORM, cookie, _ours(world)))
    assert left.status == 303
    for sent in ("GET /generations/herss", "GET /api/conversations", "GET /metrics"):
        got = _ask(world, sent, at="locked", headers=(cookie,))
        assert (got.status, got.code) == (401, "unauthorized")
    assert _ask(world, "GET /", at="locked", headers=(cookie,)).status == 303


def cookie_without_origin(world: World) -> None:
    """A form or link of another site can send the cookie without an Origin."""
    cookie = ("cookie", _log_in(world))
    requests = [("POST /generations", '{"prompt":"Hi"}'), ("DELETE /generations/herss", None), ("POST /logout", "")]
    for sent, body in requests:
        got = _ask(world, sent, body, at="locked", headers=(cookie,))
        assert (got.status, "needs an Origin" in got.body) == (403, True)


def cookie_from_another_page(world: World) -> None:
    cookie = ("cookie", _log_in(world))
    for origin in ("null", "http://evil.example", f"http://127.0.0.1:{world.port('open')}"):
        got = _ask(world, "POST /generations", '{"prompt":"Hi"}', at="locked", headers=(cookie, ("origin", origin)))
        assert (got.status, "--allow-origin" in got.body) == (403, True)


def another_body(world: World) -> None:
    name = f"f{next(FRESH)}"
    assert _ask(world, "POST /generate", f'{{"id":"{name}","prompt":"Hi"}}').status == 200
    for endpoint in ("/generate", "/generate/stream", "/generations"):
        got = _ask(world, f"POST {endpoint}", f'{{"id":"{name}","prompt":"Ho"}}')
        assert (got.status, got.code) == (409, "id_conflict")


def same_body(world: World) -> None:
    body = f'{{"id":"f{next(FRESH)}","prompt":"Hi"}}'
    assert _ask(world, "POST /generations", body).status == 201
    assert [_ask(world, "POST /generations", body).status for _ in range(5)] == [200] * 5


def cancel(world: World) -> None:
    name = f"f{next(FRESH)}"
    assert _ask(world, "POST /generate", f'{{"id":"{name}","prompt":"Hi"}}').status == 200
    for _ in range(3):
        got = _ask(world, f"DELETE /generations/{name}")
        assert (got.status, got.code) == (409, "already_done")


def closed_channel(world: World) -> None:
    name = Http("replay", "POST /channel", 201, body="").asked(world, "x", last=True).body
    name = name.partition('"connection":"')[2].partition('"')[0]
    assert _ask(world, f"DELETE /channel/{name}").status == 204
    for sent, body in ((f"POST /channel/{name}", "{}"), (f"DELETE /channel/{name}", None)):
        got = _ask(world, sent, body)
        assert (got.status, got.code) == (404, "unknown_id")


def deleted(world: World) -> None:
    name = f"f{next(FRESH)}"
    assert _ask(world, "POST /api/conversations", f'{{"id":"{name}"}}').status == 201
    assert _ask(world, f"DELETE /api/conversations/{name}").status == 200
    for sent, body in (
        (f"DELETE /api/conversations/{name}", None),
        (f"GET /api/conversations/{name}", None),
        (f"PATCH /api/conversations/{name}", '{"title":"x"}'),
        ("POST /generate", f'{{"conversation":"{name}","content":"Hi"}}'),
    ):
        got = _ask(world, sent, body)
        assert (got.status, got.code) == (404, "unknown_id")
