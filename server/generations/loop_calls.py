"""Calls on the event loop from the other threads of the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import ParamSpec

P = ParamSpec("P")


def post(loop: asyncio.AbstractEventLoop, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Schedule ``call`` on the event loop from another thread; ignored when the loop has closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(partial(call, *args, **kwargs))
