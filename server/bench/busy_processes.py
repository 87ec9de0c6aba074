"""Busy processes beside the servers, in place of a person's other programs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import Final

PROGRAM: Final = """
import os, sys
print(flush=True)
while os.getppid() == int(sys.argv[1]):
    pass
"""
"""Program that keeps a core busy until it is killed or its parent has ended."""


@contextlib.asynccontextmanager
async def busy_processes(count: int) -> AsyncIterator[None]:
    """Keep ``count`` processes busy for the duration of a block. All of them are busy when it begins."""
    command = (sys.executable, "-c", PROGRAM, str(os.getpid()))
    processes: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            processes.append(process)
            assert process.stdout is not None
            await process.stdout.readline()
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
