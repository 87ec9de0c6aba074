"""State of one try of one case: its variables, its sockets, and the messages sent and received."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from protocol.conformance import script
from protocol.conformance.dial import AnyWire
from protocol.conformance.observer import Ledger, Observer
from protocol.conformance.placeholders import expand, look_up
from protocol.conformance.wire import Ended

DEADLINE: Final = 20.0
"""Time limit for one message, in seconds, where the case names none."""

_SHOWN: Final = 200


@dataclass(frozen=True)
class Options:
    """Options of a run. ``deadline``: see DEADLINE. ``slack``: factor applied to every time limit that a case names."""

    deadline: float = DEADLINE
    slack: float = 1.0

    @property
    def to_open(self) -> float:
        """Time limit for opening a connection, in seconds. Never below DEADLINE: slowness is not a fault."""
        return max(self.deadline, DEADLINE)


class Failed(Exception):
    """An expectation of a step was not met."""


class Inconclusive(Exception):
    """The server broke no rule, but did not do what the case needs; another try may succeed."""


class Skipped(Exception):
    """The case does not apply to this server, and the protocol allows that."""


class CaseSocket:
    """One socket of a case: its wire, the messages not consumed yet, and its observer (None in plain mode)."""

    def __init__(self, name: str, wire: AnyWire, observer: Observer | None, note: Callable[[str], None]) -> None:
        self.name = name
        self.wire = wire
        self.observer = observer
        self.unread: list[dict[str, Any]] = []
        self.sent_at = time.monotonic()
        self.open = True
        self._note = note

    async def send(self, data: str | bytes | list[str], *, text: bool | None = None) -> None:
        self._note(f"{self.name} > {_cut(data)}")
        if self.observer and isinstance(data, str):
            self.observer.sent(data)
        self.sent_at = time.monotonic()
        await self.wire.send(data, text=text)

    async def read(self) -> str | bytes:
        """Read one more frame; in JSON mode append its messages to ``unread``. Raises Ended, Violation."""
        try:
            frame = await self.wire.receive()
        except Ended as end:
            self._ended(end.code)
            raise
        self._note(f"{self.name} < {_cut(frame)}")
        if self.observer:
            self.unread.extend(self.observer.received(frame))
        return frame

    def _ended(self, code: int) -> None:
        if self.open:
            self._note(f"{self.name} < closed with {code}")
        self.open = False
        if self.observer:
            self.observer.closed(code)

    async def pull(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Remove and return the first message that is ``wanted``; others stay in ``unread``. Raises Ended,
        Violation."""
        at = 0
        while True:
            for index in range(at, len(self.unread)):
                if wanted(self.unread[index]):
                    return self.unread.pop(index)
            at = len(self.unread)
            await self.read()


@dataclass
class Stage:
    """One try of one case: its variables, sockets and transcript."""

    url: str
    options: Options
    run: str
    variables: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, CaseSocket] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    transcript: list[str] = field(default_factory=list)

    def fill(self, value: Any) -> Any:
        return expand(value, self.variables, self.run)

    def line(self, step: script.Step) -> CaseSocket:
        try:
            return self.lines[step.on]
        except KeyError:
            raise Failed(f"the case has no socket {step.on}") from None

    def save(self, paths: dict[str, str], source: Any) -> None:
        for name, path in paths.items():
            self.variables[name] = look_up(path, source) if path else source

    @contextlib.asynccontextmanager
    async def limit(self, what: str, milliseconds: float | None = None) -> AsyncIterator[None]:
        """Raise Failed, naming ``what`` was awaited, on a timeout or a closed socket."""
        seconds = self.options.deadline if milliseconds is None else milliseconds / 1000 * self.options.slack
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise Failed(f"waited {seconds:g} s for {what}, which did not come") from None
        except Ended as end:
            raise Failed(f"the socket was closed with {end.code}; expected {what}") from None


def _cut(frame: str | bytes | list[str]) -> str:
    """Format a frame on one line for the transcript."""
    text = frame.replace("\n", "\\n") if isinstance(frame, str) else repr(frame)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
