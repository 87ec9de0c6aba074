"""The moment at which an asyncio server may close."""

import asyncio


async def all_accepted() -> None:
    """Wait until each connection that the loop has accepted has its transport. Call it right before a server closes.

    If a server closes before that, asyncio never closes the connection's socket: ``Server._attach`` fails in
    ``_accept_connection2``, and the garbage collection of a later test reports the socket.
    """
    while accepting := [task for task in asyncio.all_tasks() if _accepts(task)]:
        await asyncio.wait(accepting)


def _accepts(task: asyncio.Task[object]) -> bool:
    return str(getattr(task.get_coro(), "__qualname__", "")).endswith("._accept_connection2")
