"""Time to first token when many requests arrive at once."""

from __future__ import annotations

from server.bench.load_sizes import LoadSizes
from server.bench.prompts import Prompts
from server.bench.samples import Samples
from server.bench.target import Target, ask_at_once


async def arrivals(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    times: list[float] = []
    for _ in range(sizes.arrivals):
        answers = await ask_at_once(target, [prompts.fresh(sizes.short) for _ in range(sizes.arriving)], 16)
        times += [await answer.first() for answer in answers]
    return {"arrivals.first": times}
