"""One answer, as seen by the client that requested it."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Protocol

from server.bench.bench_error import BenchError

PATIENCE = 600.0
"""Time without data from a server after which a run is aborted, in seconds. Times are of ``time.perf_counter``."""


class Change(NamedTuple):
    """``at``: when it was reported; ``arrivals``: number of messages with text before it."""

    at: float
    arrivals: int


class TimedAnswer:
    """Arrival times of one answer's messages. The bench connection writes it; one measure waits on it."""

    def __init__(self, sent: float, wanted: int, given: int = 0) -> None:
        """``wanted``: maximum number of tokens; ``given``: events at the beginning that another answer has, and that
        are no arrivals."""
        self.sent = sent
        self.wanted = wanted
        self._given = given
        self.arrivals: list[float] = []
        self.changes: list[Change] = []
        """Each message of the server that it follows an instruction or new parameters."""
        self.pieces = 0
        self.read = 0
        """Prompt tokens that the server has reported as read."""
        self.prompt_tokens = 0
        self.tokens = 0
        self.ended: float | None = None
        self.stop_ms: float | None = None
        self._parts: list[str] = []
        self._error: str | None = None
        self._goal = 0
        self._waiting: asyncio.Future[None] | None = None

    # Called by the bench connection.

    def arrived(self, now: float, text: str, pieces: int = 1) -> None:
        self._parts.append(text)
        self.pieces += pieces
        if self.pieces <= self._given:
            return
        self.arrivals.append(now)
        if self._waiting is not None and len(self.arrivals) >= self._goal:
            self._wake()

    def changed(self, now: float) -> None:
        self.changes.append(Change(now, len(self.arrivals)))
        self._wake()

    def end(self, now: float, error: str | None = None) -> None:
        if self.ended is None:
            self.ended, self._error = now, error
            self._wake()

    # Called by the measures.

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def first_at(self) -> float:
        """Time of the first text, or of the end if there was none. Valid after ``first`` or ``done``."""
        if self.arrivals:
            return self.arrivals[0]
        assert self.ended is not None
        return self.ended

    @property
    def early(self) -> bool:
        """True when the model ended the answer before the wanted length."""
        return self.tokens < self.wanted

    async def first(self) -> float:
        """Wait for the first text. Returns the time to it in milliseconds, or to the end when there was none."""
        await self.until(1)
        return (self.first_at - self.sent) * 1000

    async def until(self, messages: int) -> None:
        """Wait until this many messages with text have arrived, or the answer has ended."""
        while len(self.arrivals) < messages and self.ended is None:
            await self._wait(messages)
        self._check()

    async def change(self, number: int) -> Change | None:
        """Wait for this change, from 1; None when the answer has ended before."""
        while len(self.changes) < number:
            if self.ended is not None:
                self._check()
                return None
            await self._wait(2**62)
        return self.changes[number - 1]

    async def done(self) -> float:
        """Wait for the end and return its time."""
        while self.ended is None:
            await self._wait(2**62)
        self._check()
        return self.ended

    async def _wait(self, goal: int) -> None:
        self._goal, self._waiting = goal, asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._waiting
        except TimeoutError:
            raise BenchError(f"a server sent nothing for {PATIENCE:.0f} s") from None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _check(self) -> None:
        if self._error is not None:
            raise BenchError(self._error)


class BenchConnection(Protocol):
    """One open connection, for one answer."""

    def ask(self, prompt: str, max_tokens: int) -> TimedAnswer:
        """Send the request now."""
        ...

    def stop(self) -> float:
        """Stop the answer in the server's own way. Returns the time at which this was sent."""
        ...

    def close(self) -> None: ...


class TwoWayConnection(BenchConnection, Protocol):
    """One open connection to a server that listens while it writes. Methods return the time at which they sent."""

    def ask_message(self, text: str, max_tokens: int) -> TimedAnswer:
        """Send ``text`` as a message now, with the model's chat template."""
        ...

    def draft(self, text: str) -> None:
        """Tell the server that ``text`` is being written."""
        ...

    def steer(self, instruction: str) -> float:
        """Give the running answer an instruction."""
        ...

    def tune(self, temperature: float) -> float:
        """Change the temperature of the running answer."""
        ...

    async def alternatives(self, seq: int) -> float:
        """Ask for the likeliest tokens at event ``seq`` of the newest answer. Returns the time at which they came."""
        ...

    def fork(self, seq: int, max_tokens: int) -> TimedAnswer:
        """Begin an answer that continues the newest one from event ``seq`` on."""
        ...
