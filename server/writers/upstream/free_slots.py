"""Confirmation that an upstream has stopped computing: its free slots."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from server.writers.upstream.line import CutError, Line, RefusedError

LOOK_SECONDS: Final = 0.01
LONGEST_LOOK: Final = 0.2
"""Pauses between two questions whether a stopped answer's slot is free, in seconds. Each is a quarter of the time so
far, so that Stop takes at most about that much longer."""


async def has_stopped(line: Line, wanted: Callable[[], int], closing: asyncio.Event, seconds: float) -> bool:
    """Wait until no more than ``wanted()`` slots of a llama-server compute. False if that can't be known.

    Its slots don't tell whose request they compute. So an answer has stopped once no more of them compute than this
    server has open requests that are not cancelled. ``closing`` ends the wait, as do ``seconds``.
    """
    since = time.monotonic()
    while (passed := time.monotonic() - since) < seconds and not closing.is_set():
        try:
            slots = await line.read("GET", "/slots")
        except (RefusedError, CutError):
            return False
        if not isinstance(slots, list):
            return False
        if sum(bool(each.get("is_processing")) for each in slots if isinstance(each, dict)) <= wanted():
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), min(max(LOOK_SECONDS, passed / 4), LONGEST_LOOK))
    return False
