"""Time limit for the reads or writes of a stream, without a timer for each of them."""

from __future__ import annotations

import asyncio
from types import TracebackType


class StallLimit:
    """Owned by the task that reads or writes. ``async with`` it around all of this.

    The outer block raises TimeoutError ``seconds`` after the last ``restart``, unless ``pause`` came since, and never
    before the first one. ``with`` it around one write to restart before and pause after it. A timer for each read or
    write would cost 5 µs per token; this one runs at most once in ``seconds``.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._limit = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        """Time of the loop from which on it counts; None while it doesn't."""
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

    def restart(self) -> None:
        """Count from now on."""
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(self._since + self._seconds, self._look)

    def pause(self) -> None:
        """Count no more, until the next ``restart``."""
        self._since = None

    def __enter__(self) -> None:
        self.restart()

    def __exit__(self, *_: object) -> None:
        self.pause()

    def _look(self) -> None:
        """End the block if the time is over."""
        self._timer = None
        if self._since is None:
            return
        ends = self._since + self._seconds
        if ends <= self._loop.time():
            self._limit.reschedule(ends)
        else:
            self._timer = self._loop.call_at(ends, self._look)
