"""Cost of idle connections: the server's memory and files, and the pace of the answers beside them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from server.bench.bench_error import BenchError
from server.bench.prompts import Prompts
from server.bench.samples import Samples, gaps, p99
from server.bench.target import Target, ask_at_once
from server.bench.timed_answer import BenchConnection, TimedAnswer

SETTLE = 4
"""Messages at the start of an answer that are not measured."""

AT_ONCE = 50
"""Connections opened concurrently."""

CLOSED_SECONDS = 60.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """Resources of the server's process. ``memory``: bytes; ``files``: open files."""

    memory: int
    files: int


class Observed(Target, Protocol):
    """A server that reports its resources."""

    async def usage(self) -> ProcessUsage: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Sizes: ``idle`` connections beside ``busy`` ones; prompts of ``short`` tokens, answers of ``answer`` tokens."""

    idle: int
    busy: int
    short: int
    answer: int


async def crowd(target: Observed, size: Crowd, prompts: Prompts, *, idle_first: bool) -> Samples:
    """Measure the busy connections with and without the idle ones, in either order, on a warmed-up server."""
    samples: Samples = {}
    for beside in (idle_first, not idle_first):
        if beside:
            before = await target.usage()
            async with idling(target, size.idle):
                samples |= _cost(before, await target.usage(), size.idle)
                samples["crowd.beside"] = await _busy(target, size, prompts)
            await _closed(target, before)
        else:
            samples["crowd.alone"] = await _busy(target, size, prompts)
    samples["crowd.ratio"] = [p99(samples["crowd.beside"]) / p99(samples["crowd.alone"])]
    return samples


@contextlib.asynccontextmanager
async def idling(target: Target, count: int) -> AsyncIterator[None]:
    """Keep ``count`` idle connections open for the duration of the block."""
    lines: list[BenchConnection] = []
    try:
        while len(lines) < count:
            lines += await asyncio.gather(*(target.connect() for _ in range(min(AT_ONCE, count - len(lines)))))
        yield
    finally:
        for line in lines:
            line.close()


def _cost(before: ProcessUsage, after: ProcessUsage, count: int) -> Samples:
    """Return KiB and open files per connection."""
    return {
        "crowd.memory": [(after.memory - before.memory) / count / 1024],
        "crowd.files": [(after.files - before.files) / count],
    }


async def _busy(target: Target, size: Crowd, prompts: Prompts) -> list[float]:
    """Return the pauses of all answers, in milliseconds."""
    answers = await ask_at_once(target, [prompts.fresh(size.short) for _ in range(size.busy)], size.answer)
    return [pause for answer in answers for pause in _pauses(answer)]


def _pauses(answer: TimedAnswer) -> list[float]:
    """Return the pauses between an answer's messages, without the first ones; of a very short answer, from its
    request."""
    settled = answer.arrivals[SETTLE:]
    return gaps(settled) if len(settled) > 1 else gaps([answer.sent, *answer.arrivals])


async def _closed(target: Observed, before: ProcessUsage) -> None:
    """Wait until the server has closed the connections that its clients closed. Raises BenchError."""
    until = time.monotonic() + CLOSED_SECONDS
    while (now := await target.usage()).files > before.files + AT_ONCE:
        if time.monotonic() > until:
            raise BenchError(f"our server holds {now.files - before.files} open files of closed connections")
        await asyncio.sleep(LOOK_SECONDS)
