"""Effect of a long prompt on others: on a running answer, and on a short prompt that arrives after it."""

from __future__ import annotations

import asyncio
from contextlib import closing

from server.bench.load_sizes import LoadSizes
from server.bench.prompts import Prompts
from server.bench.samples import Samples, gaps, merge
from server.bench.target import Target
from server.bench.timed_answer import TimedAnswer

SETTLE = 4
"""Tokens at the start of an answer that are not measured."""

SHARE = 0.1
"""Share of the long prompt's reading time after which the short prompt is sent."""


async def readings(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    """Measure a running answer, first alone, then while a long and a short prompt arrive."""
    return merge([await _once(target, sizes, prompts) for _ in range(sizes.readings)])


async def _once(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    runner, reader, third = [await target.connect() for _ in range(3)]
    with closing(runner), closing(reader), closing(third):
        running = runner.ask(prompts.fresh(sizes.short), sizes.running)
        await running.until(SETTLE + sizes.answer)
        quiet = gaps(running.arrivals[SETTLE:])
        long = reader.ask(prompts.fresh(sizes.long), SETTLE)
        await asyncio.sleep(sizes.long_seconds * SHARE)
        short = third.ask(prompts.fresh(sizes.short), SETTLE)
        waited, _ = await short.first(), await long.first()
        await running.until(len(running.arrivals) + 1)
        samples = {"gap.quiet": quiet, "gap.reading": gaps(_around(running, long))}
        if short.sent < long.first_at:  # otherwise it came too late to be meaningful
            samples["reading.first"] = [waited]
        await long.done()
        await short.done()
        runner.stop()
        await running.done()
        return samples


def _around(running: TimedAnswer, long: TimedAnswer) -> list[float]:
    """Return the running answer's arrivals from the last before the long prompt was sent to the first after it was
    read."""
    before = [time for time in running.arrivals if time <= long.sent][-1:]
    inside = [time for time in running.arrivals if long.sent < time <= long.first_at]
    after = [time for time in running.arrivals if time > long.first_at][:1]
    return before + inside + after
