"""Floods of messages, sockets, channels, generations and logins. Each comes from an address of its own."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from server.guard.guard import LOGINS_AT_ONCE
from server.transports.admitted_messages import FLOOD_MESSAGES
from tests.hostile import line
from tests.hostile.attack import END, FRESH, Attack, Http, Pairs, World, codes_until_end, parsed
from tests.hostile.line import Reply, WebSocket
from tests.hostile.requests import FORM
from tests.hostile.serving import FEW_ACTIVE, FEW_MESSAGES, FEW_QUEUED, FEW_SOCKETS

SLOTS = 2


@dataclass(frozen=True)
class Flood:
    what: str
    carry_out: Callable[[World], None]

    @property
    def name(self) -> str:
        return f"flood: {self.what}"

    def mount(self, world: World) -> None:
        self.carry_out(world)


def attacks() -> Iterator[Attack]:
    yield Flood("a few messages too many", few_too_many)
    yield Flood("messages on a socket", messages)
    yield Flood("messages in one frame", one_frame)
    yield Flood("messages over HTTP", requests)
    yield Flood("rubbish on a socket", rubbish)
    yield Flood("sockets", sockets)
    yield Flood("sockets without hello", sockets_without_hello)
    yield Flood("channels", channels)
    yield Flood("channels that are polled", polled_channels)
    yield Flood("requests that wait", waiting)
    yield Flood("generations of one user", generations)
    yield Flood("generations of all", queue)
    yield Flood("logins", logins)
    yield Flood("a hundred connections that say nothing", silence)


def elsewhere() -> Pairs:
    """Return headers with an unused address."""
    n = next(FRESH)
    return (("x-forwarded-for", f"127.{1 + n // 62_500}.{n // 250 % 250}.{1 + n % 250}"),)


def _codes(opened: WebSocket) -> list[str]:
    return [str(message["code"]) for message in opened.messages() if message["type"] == "error"]


def _asked(world: World, sent: str, *, body: str | None = None, at: str = "strict", headers: Pairs = ()) -> Reply:
    return Http("flood", sent, 0, body=body, at=at, headers=headers).asked(world, "x", last=False)


def few_too_many(world: World) -> None:
    """FEW_MESSAGES are carried out, and each further one is refused."""
    with line.websocket(world.port("strict"), headers=elsewhere()) as opened:
        for _ in range(FEW_MESSAGES + 10):
            opened.send_text('{"type":"status","id":"x"}')
        opened.send_text(END)
        assert codes_until_end(opened) == ("unknown_id",) * FEW_MESSAGES + ("rate_limited",) * 10


def messages(world: World) -> None:
    _flooded(world, '{"type":"status","id":"x"}', 1, "unknown_id")


def one_frame(world: World) -> None:
    """A frame is carried out whole: the one that uses up the limit too, but not the next."""
    _flooded(world, '{"type":"status","id":"x"}\n' * 20, 20, "unknown_id")


def rubbish(world: World) -> None:
    """Invalid messages count as messages."""
    _flooded(world, '{"type":"sing"}', 1, "unknown_type")


def _flooded(world: World, frame: str, count: int, code: str) -> None:
    """Check that no more than the limit is carried out, and that the server then closes. Messages not yet sent are
    dropped."""
    with line.websocket(world.port("strict"), headers=elsewhere()) as opened:
        for _ in range((FEW_MESSAGES + FLOOD_MESSAGES) // count + 1):
            opened.send_text(frame)
        told = _codes(opened)
    carried_out = told.count(code)
    assert carried_out <= max(FEW_MESSAGES, count)
    assert told == [code] * carried_out + ["rate_limited"] * (len(told) - carried_out)
    assert opened.close_code == 4429


def requests(world: World) -> None:
    headers = elsewhere()
    got = [_asked(world, "GET /generations/x", headers=headers) for _ in range(FEW_MESSAGES + 10)]
    assert [each.code for each in got] == ["unknown_id"] * FEW_MESSAGES + ["rate_limited"] * 10
    assert {each.status for each in got[FEW_MESSAGES:]} == {429}
    assert all(int(each.headers["retry-after"]) >= 1 for each in got[FEW_MESSAGES:])


def sockets(world: World) -> None:
    headers = elsewhere()
    with contextlib.ExitStack() as stack:
        for _ in range(FEW_SOCKETS):
            opened = stack.enter_context(line.websocket(world.port("strict"), headers=headers))
            assert next(opened.messages())["type"] == "welcome"
        for _ in range(5):
            one_more = stack.enter_context(line.websocket(world.port("strict"), headers=headers))
            assert (_codes(one_more), one_more.close_code) == (["rate_limited"], 4429)


def sockets_without_hello(world: World) -> None:
    """Open many sockets without `hello` on a server with tokens: each is accepted, and its end leaves nothing
    behind."""
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(line.websocket(world.port("locked"), headers=elsewhere()))


def channels(world: World) -> None:
    """An open channel counts as a connection, so one more request is refused."""
    headers = [("host", f"127.0.0.1:{world.port('strict')}"), *elsewhere()]
    with contextlib.ExitStack() as stack:
        for _ in range(FEW_SOCKETS):
            connection = stack.enter_context(line.line(world.port("strict")))
            connection.sendall(line.request("GET", "/channel", headers))
            until(connection, b"welcome")
        got = line.ask(world.port("strict"), "GET", "/channel", headers)
    assert (got.status, got.code) == (429, "rate_limited")


def until(connection: socket.socket, word: bytes) -> bytes:
    told = b""
    while word not in told:
        part = connection.recv(65_536)
        assert part, told
        told += part
    return told


def polled_channels(world: World) -> None:
    headers = elsewhere()
    names = []
    for _ in range(FEW_SOCKETS + 1):
        got = _asked(world, "POST /channel", body="", headers=headers)
        assert got.status == 201
        names.append(parsed(got)["connection"])
    told = _asked(world, f"GET /channel/{names[-1]}/poll?wait=20", headers=headers)
    assert '"code":"rate_limited"' in told.body
    ended = _asked(world, f"GET /channel/{names[-1]}/poll?wait=20", headers=headers)
    assert (ended.status, parsed(ended)["code"]) == (410, 4429)
    for name in names[:-1]:
        assert _asked(world, f"DELETE /channel/{name}", headers=headers).status == 204


def waiting(world: World) -> None:
    """Waiting requests count as connections, as sockets do."""
    strict = world.port("strict")
    address = elsewhere()
    name = f"f{next(FRESH)}"
    assert _asked(world, "POST /generations", body=_body(name), headers=address).status == 201
    with contextlib.ExitStack() as stack:
        for _ in range(FEW_SOCKETS):
            connection = stack.enter_context(line.line(strict))
            asked = [("host", f"127.0.0.1:{strict}"), *address]
            connection.sendall(line.request("GET", f"/generations/{name}/events", asked))
            until(connection, b"attached")
        got = _asked(world, f"GET /generations/{name}", headers=address)
        assert (got.status, got.code) == (429, "rate_limited")
    assert _asked(world, f"DELETE /generations/{name}", headers=elsewhere()).status == 200


def _body(name: str) -> str:
    return f'{{"id":"{name}","prompt":"Hi","on_detach_ms":null}}'


def generations(world: World) -> None:
    """One user with a token starts too many generations; this doesn't limit another user."""
    names = [f"f{next(FRESH)}" for _ in range(FEW_ACTIVE + 3)]
    bob: Pairs = (("authorization", "Bearer $BOB"),)
    got = [_asked(world, "POST /generations", body=_body(name), at="tight", headers=bob) for name in names]
    refused = [each.code for each in got if each.status == 429]
    assert [each.status for each in got] == [201] * FEW_ACTIVE + [429] * 3
    assert refused == ["rate_limited"] * 3
    for name in names[:FEW_ACTIVE]:
        assert _asked(world, f"DELETE /generations/{name}", at="tight", headers=bob).status == 200


def queue(world: World) -> None:
    """Start more generations than may run and wait."""
    room = SLOTS + FEW_QUEUED
    names = [f"f{next(FRESH)}" for _ in range(room + 3)]
    got = [_asked(world, "POST /generations", body=_body(name), headers=elsewhere()) for name in names]
    assert [each.status for each in got] == [201] * room + [503] * 3
    assert {each.code for each in got[room:]} == {"busy"}
    for name in names[:room]:
        assert _asked(world, f"DELETE /generations/{name}", headers=elsewhere()).status == 200


def logins(world: World) -> None:
    """LOGINS_AT_ONCE attempts are allowed; then, after a few more at most, further ones are refused."""
    headers = (*FORM, *elsewhere())
    attempts = (_asked(world, "POST /login", body="token=x", at="locked", headers=headers) for _ in itertools.count())
    assert [each.status for each in itertools.islice(attempts, LOGINS_AT_ONCE)] == [403] * LOGINS_AT_ONCE
    refused = next(each for each in itertools.islice(attempts, 20) if each.status != 403)
    assert (refused.status, "Too many attempts" in refused.body) == (429, True)
    assert int(refused.headers["retry-after"]) >= 1


def silence(world: World) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(line.line(world.port("open")))
        assert _asked(world, "GET /healthz", at="open").status == 200
