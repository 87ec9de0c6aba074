"""Time limit for a client that takes nothing of a response."""

from __future__ import annotations

import asyncio
from types import TracebackType


class StallLimit:
    """Owned by the task that writes. ``async with`` it around all writes, and ``with`` it around each.

    The outer block raises TimeoutError once one write takes longer than ``seconds``. A timer for each write would cost
    5 µs per token; this one runs at most once in ``seconds``.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._limit = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        """Time of the loop at which the write began that is not done; None between two writes."""
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> StallLimit:
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def __enter__(self) -> None:
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(self._since + self._seconds, self._look)

    def __exit__(self, *_: object) -> None:
        self._since = None

    def _look(self) -> None:
        """End the block if the write that runs began too long ago."""
        self._timer = None
        if self._since is None:
            return
        ends = self._since + self._seconds
        if ends <= self._loop.time():
            self._limit.reschedule(ends)
        else:
            self._timer = self._loop.call_at(ends, self._look)
