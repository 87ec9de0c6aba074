"""The two sides of a comparison: how each server is started for a turn of load."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from server.bench.bench_error import BenchError
from server.bench.openai_target import Api, OpenAI
from server.bench.process import Process, free_port, running
from server.bench.streamui_target import StreamUI
from server.bench.target import Target
from server.resources import usable_cores

READY = "StreamUI is ready: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Load for both sides. ``threads`` None: each side's default. ``ends``: tokens that would end an answer."""

    model: Path
    context: int
    parallel: int
    threads: int | None
    ends: tuple[int, ...]


class BenchSide(Protocol):
    @property
    def name(self) -> str: ...

    def serving(self) -> AbstractAsyncContextManager[Target]:
        """Run the server for the duration of the block."""
        ...


@dataclass(frozen=True, slots=True)
class Ours:
    """``streamui serve`` with ``options``, started for each turn. ``raw``: see StreamUI."""

    load: Load
    raw: bool
    name: str = "ours"
    options: str = ""

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[StreamUI]:
        with tempfile.TemporaryDirectory(prefix="streamui-bench-") as data:
            async with running("streamui serve", self._command(data)) as process:
                await process.until(lambda: _is_ready(process))
                url = next(line for line in process.output() if line.startswith(READY)).removeprefix(READY)
                yield StreamUI(url, raw=self.raw, ends=self.load.ends)

    def _command(self, data: str) -> list[str]:
        load = self.load
        options = {"port": 0, "model": load.model, "data": data, "context": load.context, "parallel": load.parallel}
        if load.threads is not None:
            options["threads"] = load.threads
        named = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return [sys.executable, "-m", "server", "serve", *named, *shlex.split(self.options)]


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that is already running."""

    load: Load
    url: str
    api: Api
    name: str = "theirs"

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Target]:
        target = OpenAI(self.url, api=self.api, ends=self.load.ends)
        if not await _answers(target):
            raise BenchError(f"--against {self.url}: no answer; start that server first, or fix the address")
        yield target


@dataclass(frozen=True, slots=True)
class StartedServer:
    """A server started by a command line for each turn, so that only one of the two runs."""

    load: Load
    command: str
    api: Api
    name: str = "theirs"

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Target]:
        port = free_port()
        target = OpenAI(f"http://127.0.0.1:{port}", api=self.api, ends=self.load.ends)
        async with running("the --against-command", filled(self.command, self.load, port)) as process:
            await process.until(lambda: _answers(target))
            yield target


def filled(command: str, load: Load, port: int) -> list[str]:
    """Return the words of ``command`` with the names in braces replaced. Raises BenchError for an unknown name."""
    known = {
        "model": load.model,
        "port": port,
        "context": load.context,
        "total": load.context * load.parallel,
        "parallel": load.parallel,
        "threads": load.threads or usable_cores(),
    }

    def value(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise BenchError(f"--against-command: {found[0]} is unknown; use one of {', '.join(known)}")
        return str(known[found[1]])

    try:
        return [re.sub(r"\{(\w+)\}", value, word) for word in shlex.split(command)]
    except ValueError as error:
        raise BenchError(f"--against-command: {error}") from None


async def _is_ready(process: Process) -> bool:
    return any(line.startswith(READY) for line in process.output())


async def _answers(target: OpenAI) -> bool:
    return await target.status("/health") not in (None, 503)
