"""Cases as data: the contents of a case file, and how the files are loaded."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

CASES_FOLDER: Final = Path(__file__).parent / "cases"

Transport = Literal["websocket", "sse", "poll"]

Need = Literal[
    "tools",
    "tool_results",
    "reasoning",
    "steer",
    "tune",
    "draft",
    "temporary",
    "alternatives",
    "fork",
    "context",
    "tokens",
]
"""Optional part of the protocol (`welcome.features`), or `tokens`: the server refuses a prompt that is too long. A
server with a model of its own always has `context` and `tokens`."""


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="do"):
    """One step, carried out on the socket named ``on``. Values and patterns are expanded first (placeholders.py,
    matching.py)."""

    on: str = "a"


class Connect(Step, frozen=True, kw_only=True, tag="connect"):
    """Open the socket. ``greeted``: read `welcome` too. ``refused``: the HTTP response that must come instead."""

    query: str = ""
    subprotocols: tuple[str, ...] | None = None
    chosen: Any = None
    greeted: bool = True
    refused: dict[str, Any] | None = None


class Send(Step, frozen=True, kw_only=True, tag="send"):
    """Send one frame, ``times`` times.

    Exactly one of ``messages`` (one line each), ``text`` (sent unchanged), ``fragments`` of one text frame, ``binary``
    (hexadecimal), or ``bytes`` (hexadecimal, sent as a text frame). ``pad_to``: fill up with spaces to this many bytes.
    """

    messages: Any = None
    text: Any = None
    fragments: tuple[str, ...] | None = None
    binary: str | None = None
    bytes: str | None = None
    pad_to: Any = None
    times: Any = 1


class Expect(Step, frozen=True, kw_only=True, tag="expect"):
    """Expect that the next message with the pattern's `type` (and `id`, where given) matches the pattern.

    ``next``: it must be the very next message, apart from `status`. ``within_ms``: limit since the last `send` on this
    socket. ``unless``: a message with this pattern instead makes the try inconclusive. ``save``: variables and their
    paths.
    """

    message: Any
    next: bool = False
    within_ms: float | None = None
    unless: Any = None
    save: dict[str, str] = {}


class Settle(Step, frozen=True, kw_only=True, tag="settle"):
    """Wait until every message sent so far is answered; the server handles messages in order (PROTOCOL 6.7)."""


class Without(Step, frozen=True, kw_only=True, tag="none"):
    """Expect that no message with this pattern has arrived unexpectedly or arrives within ``for_ms``."""

    message: Any
    for_ms: float = 0


class Forgive(Step, frozen=True, kw_only=True, tag="forgive"):
    """Drop unexpected messages that match the pattern. ``save``: variables and their paths in ``{count}``."""

    message: Any
    save: dict[str, str] = {}


class Alive(Step, frozen=True, kw_only=True, tag="alive"):
    """Expect an answer to a `ping` within a second (PROTOCOL 4.7)."""


class Finish(Step, frozen=True, kw_only=True, tag="finish"):
    """Read the generation ``id`` up to its `done`, which must match ``done``; the whole text must match ``text``.

    ``unless``: a `done` with this pattern makes the try inconclusive. ``save``: variables and their paths in ``{done,
    text, epoch, pieces}``.
    """

    id: str
    done: Any = None
    text: Any = None
    unless: Any = None
    save: dict[str, str] = {}


class Closed(Step, frozen=True, kw_only=True, tag="closed"):
    """Expect that the server closes with this code; messages before the close are skipped.

    ``unread``: the server may close before it has read everything. TCP then resets the connection, and the close frame
    may be lost: such a try is inconclusive.
    """

    code: Any
    unread: bool = False


class Drop(Step, frozen=True, kw_only=True, tag="drop"):
    """Cut the connection without a close frame."""


class Close(Step, frozen=True, kw_only=True, tag="close"):
    """Close the connection normally."""


class PlainAnswer(Step, frozen=True, kw_only=True, tag="answer"):
    """Plain mode: expect an answer whose joined frames match ``text``, then the end mark (PROTOCOL 10.3)."""

    text: Any = None
    save: dict[str, str] = {}


class PlainLine(Step, frozen=True, kw_only=True, tag="line"):
    """Plain mode: expect that the next frame matches ``text``; with ``until``, that one of the following does."""

    text: Any
    until: bool = False


class Compare(Step, frozen=True, kw_only=True, tag="compare"):
    """Expect that ``value`` matches ``to``. First ``mask`` is replaced by ``*`` in all strings of both.

    ``needed``: a mismatch is not a failure, but makes the try inconclusive.
    """

    value: Any
    to: Any
    mask: tuple[str, ...] = ()
    needed: bool = False


class Http(Step, frozen=True, kw_only=True, tag="http"):
    """Send one HTTP request, apart from all sockets; the response must match ``answer``, ``{status, headers, body}``.

    The request's body is ``body`` as JSON, ``text`` unchanged, or ``bytes`` (hexadecimal); its content type is JSON
    unless ``headers`` say otherwise. In the response JSON is a value, lines of JSON are a list, and events a list of
    ``{event, id, data}``. ``unless``: a response with this pattern makes the try inconclusive. ``save``: variables and
    their paths in the response.
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
    | PlainAnswer
    | PlainLine
    | Compare
    | Http
)


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One case. ``checks``: the sections of PROTOCOL.md and keys of its MUSTs (rules.py) that it tests.

    An inconclusive try is repeated, up to ``tries``; if all are inconclusive, the outcome is ``exhausted``. ``alone``:
    the case changes the state of the server in ways that affect other cases. ``transports``: where the case applies;
    ``why`` it does not apply to all. ``needs``: what a server must have; the case is skipped on others.
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
    needs: tuple[Need, ...] = ()


def load_file(path: Path) -> list[Case]:
    """Load the cases of one file. Raises ValueError that names the file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Case])
    except msgspec.DecodeError as problem:
        raise ValueError(f"{path.name}: {problem}") from problem


def load_cases(folder: Path = CASES_FOLDER) -> list[Case]:
    """Load all cases, in the order of their files. Raises ValueError, also when two have the same id."""
    cases = [case for path in sorted(folder.glob("*.json")) for case in load_file(path)]
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise ValueError(f"two cases are called {case.id}")
        seen.add(case.id)
    return cases


def select(cases: Iterable[Case], patterns: Iterable[str]) -> list[Case]:
    """Return the cases whose id or one of whose ``checks`` matches a glob pattern; all when there are no patterns."""
    globs = list(patterns)
    return [c for c in cases if not globs or any(fnmatchcase(name, g) for name in (c.id, *c.checks) for g in globs)]


def those_for(cases: Iterable[Case], transport: Transport) -> list[Case]:
    """Return the cases that apply to ``transport``."""
    return [case for case in cases if transport in case.transports]
