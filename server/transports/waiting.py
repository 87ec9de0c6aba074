"""Waiting with a condition or a time limit that cancels."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from server.transports.socket import Disconnected

T = TypeVar("T")


async def cancel_if(*over: Coroutine[Any, Any, object], work: Coroutine[Any, Any, T]) -> T:
    """Return the result of ``work``. If one of ``over`` ends first, cancel ``work`` and raise Disconnected."""
    loop = asyncio.get_running_loop()
    working = loop.create_task(work, name="work")
    tasks: tuple[asyncio.Task[Any], ...] = (working, *(loop.create_task(each, name="watch") for each in over))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Disconnected
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def in_time(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return the result of ``work``. Raises TimeoutError after ``seconds``.

    Use this after a TaskGroup has failed: until Python 3.11.3, `asyncio.timeout` raises CancelledError in such a task.
    """
    return await asyncio.wait_for(work, seconds)


async def wait_for_disconnect(receive: Receive) -> None:
    """Return once the client of an HTTP request has disconnected or has its whole response."""
    while (await receive())["type"] != "http.disconnect":
        pass
