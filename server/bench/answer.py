"""One answer, as the client that asked for it sees it arrive."""

from __future__ import annotations

import asyncio
from typing import Protocol

from server.bench.errors import BenchError

PATIENCE = 600.0
"""Seconds without anything from a server, after which a run is given up. Times are of ``time.perf_counter``."""


class Answer:
    """When each message of one answer came. The line that carries it writes it, one measure waits on it."""

    def __init__(self, sent: float, wanted: int) -> None:
        self.sent = sent
        self.wanted = wanted
        self.arrivals: list[float] = []
        self.pieces = 0
        self.read = 0
        """Tokens of the prompt that the server said it had read."""
        self.prompt_tokens = 0
        self.tokens = 0
        self.ended: float | None = None
        self.stop_ms: float | None = None
        self._parts: list[str] = []
        self._error: str | None = None
        self._goal = 0
        self._waiting: asyncio.Future[None] | None = None

    # Written by the line.

    def arrived(self, now: float, text: str, pieces: int = 1) -> None:
        self.arrivals.append(now)
        self._parts.append(text)
        self.pieces += pieces
        if self._waiting is not None and len(self.arrivals) >= self._goal:
            self._wake()

    def end(self, now: float, error: str | None = None) -> None:
        if self.ended is None:
            self.ended, self._error = now, error
            self._wake()

    # Read by the measures.

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def first_at(self) -> float:
        """When the first text came; the end if there was none. Only after ``first`` or ``done``."""
        if self.arrivals:
            return self.arrivals[0]
        assert self.ended is not None
        return self.ended

    @property
    def early(self) -> bool:
        """The model ended it before its length."""
        return self.tokens < self.wanted

    async def first(self) -> float:
        """The time to first token, in milliseconds; to the end, where none of its few tokens had any text."""
        await self.until(1)
        return (self.first_at - self.sent) * 1000

    async def until(self, messages: int) -> None:
        """Return once so many messages with text have come, or the answer has ended."""
        while len(self.arrivals) < messages and self.ended is None:
            await self._wait(messages)
        self._check()

    async def done(self) -> float:
        """When it ended."""
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


class Line(Protocol):
    """One open connection, for one answer."""

    def ask(self, prompt: str, max_tokens: int) -> Answer:
        """Send the request now."""
        ...

    def stop(self) -> float:
        """Stop the answer, the way this server is told to; returns when that was sent."""
        ...

    def close(self) -> None: ...
