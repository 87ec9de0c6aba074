"""Attacks: each with its expected response, and the code that carries it out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from tests.hostile import line
from tests.hostile.line import UPGRADE, Reply, WebSocket
from tests.hostile.serving import Targets

FRESH: Iterator[int] = itertools.count()

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class World:
    """The servers under attack. ``channel``: an open channel of alice's on ``locked``."""

    targets: Targets
    channel: str = ""

    def port(self, at: str) -> int:
        port: int = getattr(self.targets, at)
        return port

    def fill(self, text: str, at: str, fresh: str) -> str:
        """Replace the words after dollar signs in ``text``. $FRESH is new for each attack."""
        targets = self.targets
        words = {"PORT": str(self.port(at)), "CHANNEL": self.channel, "FRESH": fresh}
        words |= {"ALICE": targets.alice, "BOB": targets.bob, "REVOKED": targets.revoked}
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
        """Carry out the attack. Raises AssertionError if the response is not the expected one."""
        ...


@dataclass(frozen=True)
class Http:
    """A request. ``sent``: method and path. ``told``: the expected error code, or words of the response.

    ``before``: requests to send first; their responses are ignored.
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


def handshake(
    group: str, status: int, told: str, *, path: str = "/ws", query: str = "", headers: Pairs = (), at: str = "open"
) -> Http:
    """Return an attempt to open a WebSocket, which the server must refuse."""
    given = {name for name, _ in headers}
    upgrade = tuple(pair for pair in UPGRADE if pair[0] not in given)
    return Http(group, f"GET {path}{query}", status, told, at=at, headers=(*upgrade, *headers))


@dataclass(frozen=True)
class Raw:
    """Bytes that are not exactly one request. ``statuses``: of all responses before the server closes."""

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
"""A message that is always answered with its own error, and so shows that all before it have been answered."""


@dataclass(frozen=True)
class Socket:
    """Frames over a WebSocket: text, or the raw bytes of a frame. ``codes``: of all expected errors, in order.
    ``close``: the expected close code; None if the server must not close."""

    group: str
    sent: tuple[str | bytes, ...]
    codes: tuple[str, ...] = ()
    close: int | None = None
    at: str = "open"
    token: str | None = None
    query: str = ""
    headers: Pairs = field(default=())
    is_late: bool = False
    """True if the errors may come after those of later frames, as for a draft of a conversation."""

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
            late = codes_of(socket, len(self.codes)) if self.is_late else ()
            if self.close is None:
                socket.send_text(END)
            assert ((*late, *codes_until_end(socket)), socket.close_code) == (self.codes, self.close)


def codes_of(socket: WebSocket, count: int) -> tuple[str, ...]:
    """Wait for ``count`` errors, and return their codes."""
    errors = (message for message in socket.messages() if message["type"] == "error")
    return tuple(str(error["code"]) for error in itertools.islice(errors, count))


def codes_until_end(socket: WebSocket) -> tuple[str, ...]:
    """Return the codes of all errors before the socket is closed or END is answered."""
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
