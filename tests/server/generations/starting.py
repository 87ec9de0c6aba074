"""A registry alone, with the start of generations that is above it in the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from protocol.messages import Generate
from server.conversations.service import Conversations
from server.conversations.store import Store
from server.generations.generation import Generation
from server.generations.registry import Registry


class StartingRegistry(Registry):
    """Close it with its conversations."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conversations = Conversations(Store(None), self)

    async def start(self, body: Generate, received: float, *, principal: str) -> tuple[Generation, bool]:
        """The generation, and whether it is new."""
        generation, new, _ = await self.conversations.start(principal, body, received)
        return generation, new

    async def close(self) -> None:
        await super().close()
        await self.conversations.close()


@contextlib.asynccontextmanager
async def run(registry: StartingRegistry) -> AsyncIterator[StartingRegistry]:
    """Run the registry for the block, and close it."""
    task = asyncio.get_running_loop().create_task(registry.run(), name="registry")
    await asyncio.sleep(0)  # run starts the engine
    try:
        yield registry
    finally:
        task.cancel()
        await registry.close()
        await asyncio.wait([task])
