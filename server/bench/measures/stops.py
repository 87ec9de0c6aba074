"""Stop: its duration, the tokens still computed, and the wait of the next request."""

from __future__ import annotations

import asyncio
from contextlib import closing

from server.bench.load_sizes import LoadSizes
from server.bench.prompts import Prompts
from server.bench.samples import Samples, merge
from server.bench.target import ServerCounters, Target, ask
from server.bench.timed_answer import BenchConnection, TimedAnswer

QUIET_SECONDS = 0.05
"""Delay after a stop before the engine's counters are read, in seconds: by then they are final."""

FEW = 4


async def stops(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    parts = [await _next_person(target, sizes, prompts, share) for share in _shares(sizes.nexts)]
    if target.acknowledges:
        parts += [await _in_decode(target, sizes, prompts, FEW + n) for n in range(sizes.stops)]
        parts += [await _in_prefill(target, sizes, prompts, share) for share in _shares(sizes.prompt_stops)]
    return merge(parts)


def _shares(count: int) -> list[float]:
    """Return the shares of a prompt's reading time at which it is stopped: 5 to 20 percent."""
    return [0.05 + 0.15 * n / count for n in range(count)]


async def _next_person(target: Target, sizes: LoadSizes, prompts: Prompts, share: float) -> Samples:
    """Measure a short prompt on an idle server, and one right after the stop of a long prompt."""
    idle = await (await ask(target, prompts.fresh(sizes.short), FEW)).first()
    line, other = await target.connect(), await target.connect()
    with closing(line), closing(other):
        stopped = line.ask(prompts.fresh(sizes.longest), FEW)
        await asyncio.sleep(sizes.longest_seconds * share)
        line.stop()
        following = other.ask(prompts.fresh(sizes.short), FEW)
        first = await following.first()
        await following.done()
        await stopped.done()
    return {"idle.first": [idle], "next.first": [first], "next.share": [first / idle]}


async def _in_decode(target: Target, sizes: LoadSizes, prompts: Prompts, after: int) -> Samples:
    line = await target.connect()
    with closing(line):
        before = await target.counters()
        answer = line.ask(prompts.fresh(sizes.short), sizes.running)
        await answer.until(after)
        seen = answer.pieces
        samples = await _stop(line, answer, "decode")
        counters = await _settled(target)
    if before is not None and counters is not None:
        computed = counters.completion_tokens - before.completion_tokens
        samples |= {"stop.decode.tokens": [computed - seen], "stop.decode.late": [computed - answer.tokens]}
    return samples


async def _in_prefill(target: Target, sizes: LoadSizes, prompts: Prompts, share: float) -> Samples:
    line = await target.connect()
    with closing(line):
        before = await target.counters()
        answer = line.ask(prompts.fresh(sizes.longest), FEW)
        await asyncio.sleep(sizes.longest_seconds * share)
        read = answer.read
        samples = await _stop(line, answer, "prefill")
        at_done, counters = await target.counters(), await _settled(target)
    if before is not None and at_done is not None and counters is not None:
        computed, late = (counters.prompt_tokens - earlier.prompt_tokens for earlier in (before, at_done))
        samples |= {"stop.prefill.tokens": [computed - read], "stop.prefill.late": [late]}
    return samples


async def _stop(line: BenchConnection, answer: TimedAnswer, phase: str) -> Samples:
    """Stop the answer. Returns the milliseconds until it was acknowledged, as measured by client and server."""
    sent = line.stop()
    ended = await answer.done()
    served = [] if answer.stop_ms is None else [answer.stop_ms]
    return {f"stop.{phase}": [(ended - sent) * 1000], f"stop.{phase}.server": served}


async def _settled(target: Target) -> ServerCounters | None:
    await asyncio.sleep(QUIET_SECONDS)
    return await target.counters()
