"""The cases as data: what a case file may hold, and how the files are read."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

CASES_FOLDER: Final = Path(__file__).parent / "cases"

Transport = Literal["websocket", "sse", "poll"]


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="do"):
    """One thing to do on the socket named ``on``. Values and patterns are expanded first (values.py, matching.py)."""

    on: str = "a"


class Connect(Step, frozen=True, kw_only=True, tag="connect"):
    """Open the socket. ``greeted``: read `welcome` too. ``refused``: the HTTP answer that must come instead."""

    query: str = ""
    subprotocols: tuple[str, ...] | None = None
    chosen: Any = None
    greeted: bool = True
    refused: dict[str, Any] | None = None


class Send(Step, frozen=True, kw_only=True, tag="send"):
    """Send one frame, ``times`` times.

    Either ``messages`` (a line each), ``text`` as it is, ``fragments`` of one text frame, ``binary`` (hexadecimal), or
    ``bytes`` (hexadecimal) as a text frame. ``pad_to``: fill up with spaces to so many bytes.
    """

    messages: Any = None
    text: Any = None
    fragments: tuple[str, ...] | None = None
    binary: str | None = None
    bytes: str | None = None
    pad_to: Any = None
    times: Any = 1


class Expect(Step, frozen=True, kw_only=True, tag="expect"):
    """The next message of the pattern's `type` (and `id`, where it is spelt out) matches the pattern.

    ``next``: it is the very next message, `status` aside. ``within_ms``: since the last `send` on this socket.
    ``unless``: a message of this pattern instead makes the try inconclusive. ``save``: variables and their paths.
    """

    message: Any
    next: bool = False
    within_ms: float | None = None
    unless: Any = None
    save: dict[str, str] = {}


class Settle(Step, frozen=True, kw_only=True, tag="settle"):
    """Wait until all that was sent has been answered: messages are carried out in order (PROTOCOL 6.7)."""


class Without(Step, frozen=True, kw_only=True, tag="none"):
    """No message of this pattern has come that was not expected, nor comes within ``for_ms``."""

    message: Any
    for_ms: float = 0


class Forgive(Step, frozen=True, kw_only=True, tag="forgive"):
    """Drop what came unexpected and fits the pattern. ``save``: variables and their paths in ``{count}``."""

    message: Any
    save: dict[str, str] = {}


class Alive(Step, frozen=True, kw_only=True, tag="alive"):
    """The connection answers a `ping` within a second (PROTOCOL 4.7)."""


class Finish(Step, frozen=True, kw_only=True, tag="finish"):
    """Read the generation ``id`` to its `done`, which matches ``done``; the whole text matches ``text``.

    ``unless``: a `done` of this pattern makes the try inconclusive. ``save``: variables and their paths in
    ``{done, text, epoch, pieces}``.
    """

    id: str
    done: Any = None
    text: Any = None
    unless: Any = None
    save: dict[str, str] = {}


class Closed(Step, frozen=True, kw_only=True, tag="closed"):
    """The server closes with this code, after whatever it still sends.

    ``unread``: it may close before it has read all that was sent. TCP then resets the connection, and the close frame
    can be lost on the way: such a try is inconclusive.
    """

    code: Any
    unread: bool = False


class Drop(Step, frozen=True, kw_only=True, tag="drop"):
    """Cut the connection without a word."""


class Close(Step, frozen=True, kw_only=True, tag="close"):
    """Close in good order."""


class Answer(Step, frozen=True, kw_only=True, tag="answer"):
    """Plain mode: the frames of one answer, joined, match ``text``; then comes the end mark (PROTOCOL 10.3)."""

    text: Any = None
    save: dict[str, str] = {}


class Line(Step, frozen=True, kw_only=True, tag="line"):
    """Plain mode: the next frame matches ``text``; with ``until``, one of those to come."""

    text: Any
    until: bool = False


class Compare(Step, frozen=True, kw_only=True, tag="compare"):
    """``value`` matches ``to``; before that ``mask`` is replaced by ``*`` in all strings of both.

    ``needed``: it is no fault when they don't, but the case needs it and tries again.
    """

    value: Any
    to: Any
    mask: tuple[str, ...] = ()
    needed: bool = False


class Http(Step, frozen=True, kw_only=True, tag="http"):
    """One HTTP request, apart from all sockets: the answer matches ``answer``, ``{status, headers, body}``.

    Sent is ``body`` as JSON, ``text`` as it is, or ``bytes`` (hexadecimal), said to be JSON unless ``headers`` say
    otherwise. In the answer JSON is a value, lines of JSON a list, and events a list of ``{event, id, data}``.
    ``unless``: an answer of this pattern makes the try inconclusive. ``save``: variables and their paths in the answer.
    """

    path: Any
    answer: dict[str, Any]
    method: str = "GET"
    body: Any = None
    text: Any = None
    bytes: str | None = None
    headers: dict[str, str] = {}
    unless: Any = None
    save: dict[str, str] = {}


AnyStep = (
    Connect
    | Send
    | Expect
    | Settle
    | Without
    | Forgive
    | Alive
    | Finish
    | Closed
    | Drop
    | Close
    | Answer
    | Line
    | Compare
    | Http
)


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One case. ``checks``: the sections of PROTOCOL.md and the keys of its MUSTs (rules.py) that it is about.

    An inconclusive try is made again, up to ``tries``; when all were, the outcome is ``exhausted``. ``alone``: it puts
    the server in a state that others would notice. ``transports``: where it makes sense, and ``why`` not on all.
    """

    id: str
    title: str
    checks: tuple[str, ...]
    steps: tuple[AnyStep, ...]
    tries: int = 10
    exhausted: Literal["inconclusive", "fail"] = "inconclusive"
    alone: bool = False
    transports: tuple[Transport, ...] = ("websocket", "sse", "poll")
    why: str = ""


def load_file(path: Path) -> list[Case]:
    """The cases of one file. Raises ValueError that names the file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Case])
    except msgspec.DecodeError as problem:
        raise ValueError(f"{path.name}: {problem}") from problem


def load_cases(folder: Path = CASES_FOLDER) -> list[Case]:
    """All cases, in the order of their files. Raises ValueError, also when two have the same id."""
    cases = [case for path in sorted(folder.glob("*.json")) for case in load_file(path)]
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise ValueError(f"two cases are called {case.id}")
        seen.add(case.id)
    return cases


def select(cases: Iterable[Case], patterns: Iterable[str]) -> list[Case]:
    """Those whose id or one of whose ``checks`` fits one of the glob patterns; all when there are none."""
    globs = list(patterns)
    return [c for c in cases if not globs or any(fnmatchcase(name, g) for name in (c.id, *c.checks) for g in globs)]


def those_for(cases: Iterable[Case], transport: Transport) -> list[Case]:
    """Those that make sense on ``transport``."""
    return [case for case in cases if transport in case.transports]
