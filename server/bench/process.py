"""A server in its own process, for the duration of a block."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import IO

from server.bench.bench_error import BenchError

START_SECONDS = 300.0
END_SECONDS = 10.0
LOOK_SECONDS = 0.05


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Process:
    """The process and its output."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
        self._name, self._process, self._log = name, process, log

    def output(self) -> list[str]:
        """Return the lines written so far. The process writes at this file's position, which stays where it is."""
        descriptor = self._log.fileno()
        written = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        return [line for line in written.decode("utf-8", "replace").splitlines() if line.strip()]

    async def until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        """Wait until ``ready``. Raises BenchError with the last line of output when the process ends before."""
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await ready():
                    if self._process.returncode is not None:
                        raise BenchError(self._ended())
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise BenchError(f"{self._name} did not answer within {START_SECONDS:.0f} s; {self._last()}") from None

    def _ended(self) -> str:
        return f"{self._name} ended with status {self._process.returncode} before it answered; {self._last()}"

    def _last(self) -> str:
        lines = self.output()
        return f"its last line: {lines[-1].strip()}" if lines else "it printed nothing"


@contextlib.asynccontextmanager
async def running(name: str, command: Sequence[str]) -> AsyncIterator[Process]:
    """Start ``command``, and end it with the block. STREAMUI_ variables are not inherited: the command has all
    options."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("STREAMUI_")}
    with tempfile.TemporaryFile() as log:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        except OSError as error:
            raise BenchError(f"{name} can't be started: {command[0]}: {error.strerror}") from None
        try:
            yield Process(name, process, log)
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await process.wait()
        finally:
            if process.returncode is None:  # it did not end in time, or the wait was interrupted
                process.kill()
                await process.wait()
