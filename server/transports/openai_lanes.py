"""Lanes of one WebSocket: requests of a lane are carried out one after another, those of several lanes at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from server.openai.errors import RefusedError
from server.openai.socket_frames import Create

MAX_NAMED: Final = 32
"""Maximum number of named lanes of a connection."""

MAX_RUNNING: Final = 16
"""Maximum number of requests of a connection that are carried out at once; others wait."""

MAX_WAITING: Final = 64
"""Maximum number of requests of a connection that wait; others are refused."""


class Lanes:
    """Owned by one socket. ``carry_out`` is called with each request, on a task of ``tasks``."""

    def __init__(self, tasks: asyncio.TaskGroup, carry_out: Callable[[Create], Awaitable[None]], running: int) -> None:
        self._tasks = tasks
        self._carry_out = carry_out
        self._running = asyncio.Semaphore(running)
        self._named: set[str] = set()
        self._waiting: dict[str | None, deque[Create]] = {}
        """Requests of each lane that has some, or whose last one is being carried out."""

    def put(self, create: Create) -> None:
        """Let a request wait for its turn. Raises RefusedError at a limit."""
        if create.lane is not None and create.lane not in self._named:
            if len(self._named) >= MAX_NAMED:
                text = f"stream_id: this connection has {MAX_NAMED} named streams already; use one of them"
                raise RefusedError(text, param="stream_id", code="websocket_stream_limit_reached")
            self._named.add(create.lane)
        if sum(map(len, self._waiting.values())) >= MAX_WAITING:
            text = f"{MAX_WAITING} requests of this connection wait already; send the next one after an answer"
            raise RefusedError(text, code="rate_limit_exceeded", status=429)
        if create.lane in self._waiting:
            self._waiting[create.lane].append(create)
            return
        self._waiting[create.lane] = deque([create])
        self._tasks.create_task(self._run(create.lane), name="lane")

    async def _run(self, lane: str | None) -> None:
        waiting = self._waiting[lane]
        while waiting:
            async with self._running:
                await self._carry_out(waiting.popleft())
        del self._waiting[lane]
