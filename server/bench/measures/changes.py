"""Time until a running answer follows an instruction or new parameters."""

from __future__ import annotations

from contextlib import closing
from typing import cast

from server.bench.load_sizes import LoadSizes
from server.bench.prompts import Prompts
from server.bench.samples import Samples, gaps, merge
from server.bench.target import Target
from server.bench.timed_answer import TimedAnswer, TwoWayConnection

SETTLE = 4
"""Tokens at the start of an answer, and after each change, that are not measured."""

TEMPERATURE = 0.5


async def changes(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    """Change ``sizes.stops`` answers, each on its own connection. Those that end before give no samples."""
    if not target.two_way:
        return {}
    return merge([await _once(target, sizes, prompts) for _ in range(sizes.stops)])


async def _once(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    """Measure an instruction of ``sizes.short`` tokens, the same text as a first message, and a new temperature."""
    instruction = prompts.fresh(sizes.short)
    line = cast(TwoWayConnection, await target.connect())
    with closing(line):
        answer = line.ask_message(prompts.fresh(sizes.short), sizes.running)
        await answer.until(SETTLE + sizes.answer)
        alone = gaps(answer.arrivals[SETTLE:])
        steered = await _steered(line, answer, instruction)
        tuned = await _tuned(line, answer)
        line.stop()
        await answer.done()
    message = await _first(target, instruction)
    return {**steered, **tuned, "steer.message": [message], "tune.gap.alone": alone}


async def _steered(line: TwoWayConnection, answer: TimedAnswer, instruction: str) -> Samples:
    sent = line.steer(instruction)
    change = await answer.change(1)
    if change is None:
        return {}
    await answer.until(change.arrivals + SETTLE)
    return {"steer.first": [(first - sent) * 1000 for first in answer.arrivals[change.arrivals :][:1]]}


async def _tuned(line: TwoWayConnection, answer: TimedAnswer) -> Samples:
    before, sent = len(answer.arrivals), line.tune(TEMPERATURE)
    change = await answer.change(2)
    if change is None:
        return {}
    await answer.until(change.arrivals + SETTLE)
    return {"tune.answered": [(change.at - sent) * 1000], "tune.gap.beside": gaps(answer.arrivals[before - 1 :])}


async def _first(target: Target, text: str) -> float:
    line = cast(TwoWayConnection, await target.connect())
    with closing(line):
        answer = line.ask_message(text, SETTLE)
        first = await answer.first()
        await answer.done()
        return first
