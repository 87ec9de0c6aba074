"""Check that an upstream is there while it sends nothing of an answer yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType


class AliveCheck:
    """Owned by the task that waits for an answer. ``async with`` it around the request.

    An upstream may read a prompt for minutes and send nothing meanwhile. So after each ``seconds`` of the block until
    ``stop``, it is asked something else: ``ask`` returns True if it answers. If it doesn't, the block raises
    TimeoutError.
    """

    def __init__(self, ask: Callable[[], Awaitable[bool]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._limit = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AliveCheck:
        await self._limit.__aenter__()
        self._wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        await self._limit.__aexit__(kind, error, trace)

    def stop(self) -> None:
        """Check no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._asking is not None:
            self._asking.cancel()

    def _wait(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._look)

    def _look(self) -> None:
        self._asking = self._loop.create_task(self._check(), name="alive check")

    async def _check(self) -> None:
        if await self._ask():
            self._wait()
        else:
            self._limit.reschedule(self._loop.time())
