"""Clients for tests, with a time limit and a simulated clock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from protocol.client import Chat, Generation, Retry, connect
from protocol.messages import Done, Snapshot, Token
from tests.server.transports.peer import DEADLINE

AT_ONCE = Retry(random=lambda: 0.0)


@contextlib.asynccontextmanager
async def client(url: str, retry: Retry | None = None) -> AsyncIterator[Chat]:
    """Connect a client with a time limit, and check that it leaves no task behind."""
    async with asyncio.timeout(DEADLINE), connect(url, retry=retry) as chat:
        yield chat
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("streamui client")]


class Clock:
    """Simulated time that passes only when the client sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def retry(self, give_up_after: float | None = 300.0) -> Retry:
        return Retry(give_up_after=give_up_after, random=lambda: 1.0, clock=lambda: self.now, sleep=self.sleep)


async def read(generation: Generation) -> tuple[str, list[Done]]:
    """Read a generation; return its text and its ends."""
    text, ends = "", []
    async for event in generation:
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, Done):
            ends.append(event)
        else:
            assert not isinstance(event, Snapshot)
    return text, ends
