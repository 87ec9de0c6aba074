"""Time limit for an upstream that sends nothing in mid-answer."""

from __future__ import annotations

import asyncio
from types import TracebackType


class SilenceLimit:
    """Owned by the task that reads a stream. ``async with`` it around all reads; call ``restart`` before each.

    The block raises TimeoutError ``seconds`` after the last ``restart``, and never before the first one. A timer for
    each read would cost a quarter of the CPU time of a token; this one runs at most once in ``seconds``.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._limit = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> SilenceLimit:
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def restart(self) -> None:
        """Count the silence from now on."""
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(self._since + self._seconds, self._look)

    def _look(self) -> None:
        """End the block if the silence has lasted too long."""
        ends = self._since + self._seconds
        if ends <= self._loop.time():
            self._limit.reschedule(ends)
        else:
            self._timer = self._loop.call_at(ends, self._look)
