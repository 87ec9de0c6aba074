"""An attack, what it has to be answered with, and how it is carried out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from tests.hostile import line
from tests.hostile.line import UPGRADE, Reply, WebSocket
from tests.hostile.serving import Doors

FRESH: Iterator[int] = itertools.count()

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class World:
    """The servers. ``channel`` is a channel of alice's on ``locked`` that is open."""

    doors: Doors
    channel: str = ""

    def port(self, at: str) -> int:
        port: int = getattr(self.doors, at)
        return port

    def fill(self, text: str, at: str, fresh: str) -> str:
        """``text`` with what stands after a dollar sign replaced. $FRESH is new in each attack that is carried out."""
        doors = self.doors
        words = {"PORT": str(self.port(at)), "CHANNEL": self.channel, "FRESH": fresh}
        words |= {"ALICE": doors.alice, "BOB": doors.bob, "REVOKED": doors.revoked}
        for word, value in words.items():
            text = text.replace(f"${word}", value)
        return text

    def headers(self, at: str, token: str | None, extra: Pairs, fresh: str) -> list[tuple[str, str]]:
        given = {name.lower() for name, _ in extra}
        shown = {"host": "127.0.0.1:$PORT", "content-type": "application/json"}
        if token is not None:
            shown["authorization"] = f"Bearer ${token.upper()}"
        kept = [(name, value) for name, value in shown.items() if name not in given]
        return [(name, self.fill(value, at, fresh)) for name, value in [*kept, *extra]]


class Attack(Protocol):
    @property
    def name(self) -> str: ...

    def mount(self, world: World) -> None:
        """Carry it out. Raises AssertionError when it is answered otherwise than it should be."""
        ...


@dataclass(frozen=True)
class Http:
    """A request. ``sent`` is its method and its path; ``told`` the error code of the answer, or words that stand in it.

    ``before`` are requests that go before it, whose answers do not matter.
    """

    group: str
    sent: str
    status: int
    told: str = ""
    body: str | bytes | None = None
    at: str = "open"
    token: str | None = None
    headers: Pairs = ()
    before: tuple[Http, ...] = ()

    @property
    def name(self) -> str:
        shown = " ".join(f"{name}:{value}" for name, value in self.headers if name not in dict(UPGRADE))
        body = self.body if isinstance(self.body, str) else repr(self.body or b"")
        return f"{self.group}: {self.sent} {shown} {body} {self.at}/{self.token}"[:140]

    def mount(self, world: World) -> None:
        self.asked(world, f"f{next(FRESH)}", last=True)

    def asked(self, world: World, fresh: str, *, last: bool) -> Reply:
        for other in self.before:
            other.asked(world, fresh, last=False)
        method, path = world.fill(self.sent, self.at, fresh).split(" ", 1)
        body = world.fill(self.body, self.at, fresh).encode() if isinstance(self.body, str) else self.body
        headers = world.headers(self.at, self.token, self.headers, fresh)
        got = line.ask(world.port(self.at), method, path, headers, body)
        if last:
            told = got.code or got.body
            assert (got.status, self.told in told) == (self.status, True), (got.status, told[:500])
        return got


def handshake(group: str, status: int, told: str, *, query: str = "", headers: Pairs = (), at: str = "open") -> Http:
    """A WebSocket that must not be opened."""
    given = {name for name, _ in headers}
    upgrade = tuple(pair for pair in UPGRADE if pair[0] not in given)
    return Http(group, f"GET /ws{query}", status, told, at=at, headers=(*upgrade, *headers))


@dataclass(frozen=True)
class Raw:
    """Bytes that are no request, or more than one. ``statuses``: of all that comes back, before the server closes."""

    group: str
    sent: bytes
    statuses: tuple[int, ...]
    at: str = "open"
    half_closed: bool = False

    @property
    def name(self) -> str:
        return f"{self.group}: {self.sent[:100]!r}"

    def mount(self, world: World) -> None:
        with line.line(world.port(self.at)) as connection:
            connection.sendall(self.sent.replace(b"$PORT", str(world.port(self.at)).encode()))
            assert tuple(line.statuses(connection)) == self.statuses


END = '{"type":"status","id":"END"}'
"""What is always answered with an error of its own: all before it has been answered then."""


@dataclass(frozen=True)
class Socket:
    """Frames over a WebSocket: text, or the bytes of a frame as they are. ``codes`` are those of all errors that come
    back, in their order; ``close`` is the code that the server then closes with, None where it must not."""

    group: str
    sent: tuple[str | bytes, ...]
    codes: tuple[str, ...] = ()
    close: int | None = None
    at: str = "open"
    token: str | None = None
    query: str = ""
    headers: Pairs = field(default=())

    @property
    def name(self) -> str:
        shown = " + ".join(each if isinstance(each, str) else repr(each) for each in self.sent)
        return f"{self.group}: {shown[:100]} {self.query} {self.at}/{self.token}"

    def mount(self, world: World) -> None:
        fresh = f"f{next(FRESH)}"
        headers = world.headers(self.at, self.token, self.headers, fresh)
        with line.websocket(world.port(self.at), self.query, [each for each in headers if each[0] != "host"]) as socket:
            for each in self.sent:
                if isinstance(each, str):
                    socket.send_text(world.fill(each, self.at, fresh))
                else:
                    socket.send(each)
            if self.close is None:
                socket.send_text(END)
            assert (codes_until_end(socket), socket.close_code) == (self.codes, self.close)


def codes_until_end(socket: WebSocket) -> tuple[str, ...]:
    """The codes of the errors that come, until the socket is closed or END is answered."""
    codes = []
    for message in socket.messages():
        if message["type"] == "error":
            if message.get("id") == "END":
                break
            codes.append(str(message["code"]))
    return tuple(codes)


def parsed(reply: Reply) -> dict[str, object]:
    body: dict[str, object] = msgspec.json.decode(reply.body)
    return body
