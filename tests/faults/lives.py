"""A server in its own process, which can be killed and restarted behind an address that stays the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from typing import Any, Final

START: Final = 120.0
"""Time limit for the start of a process, in seconds, also on a busy machine."""


class Life:
    """One process of the server. ``port``: the port that it listens on."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def kill(self) -> None:
        """Send SIGKILL (`kill -9`) and wait for the end."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def health(self) -> dict[str, Any]:
        """Return the response of ``/healthz``."""
        return await asyncio.to_thread(self._health)

    def _health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=START) as answer:
            told: dict[str, Any] = json.load(answer)
            return told


@contextlib.asynccontextmanager
async def living(*arguments: str) -> AsyncIterator[Life]:
    """Start ``python -m`` with these arguments, and yield when it has printed its address. The block's end stops it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMUI_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *arguments, stdin=pipe, stdout=pipe, env=kept)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START):
            line = (await process.stdout.readline()).decode()
        yield Life(process, int(line.rpartition(":")[2]))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
