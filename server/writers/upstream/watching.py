"""Questions to an upstream that can't be reached, until it can."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.upstream.line import UpstreamError

FIRST_LOOK: Final = 0.5
LONGEST_LOOK: Final = 10.0
"""Pauses before an upstream that can't be reached is asked again, in seconds; each is twice the one before."""

logger = logging.getLogger(__name__)


async def watch(known: KnownUpstream, lost: asyncio.Event) -> None:
    """Ask an upstream again whenever it can't be reached, until it can. Never returns. Set ``lost`` when it may be
    away."""
    pause = FIRST_LOOK
    while True:
        if known.error is None:
            pause = FIRST_LOOK
            lost.clear()
            await lost.wait()
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_LOOK)
        try:
            await known.ask_again()
        except UpstreamError:
            continue
        except Exception:
            logger.exception("an upstream could not be asked")
