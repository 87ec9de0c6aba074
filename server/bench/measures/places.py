"""Time until the likeliest tokens at a place of an answer are there, and the first token of an answer from there."""

from __future__ import annotations

import time
from contextlib import closing
from typing import cast

from server.bench.load_sizes import LoadSizes
from server.bench.prompts import Prompts
from server.bench.samples import Samples, gaps, merge
from server.bench.target import Target
from server.bench.timed_answer import TwoWayConnection

SETTLE = 4
"""Tokens at the start of an answer that are not measured."""

PLACES = 4
"""Places in each answer."""


async def places(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    """Ask at ``PLACES`` places in each of ``sizes.stops`` answers, and fork each answer from there."""
    if not target.two_way:
        return {}
    return merge([await _once(target, sizes, prompts) for _ in range(sizes.stops)])


async def _once(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    line = cast(TwoWayConnection, await target.connect())
    with closing(line):
        answer = line.ask_message(prompts.fresh(sizes.short), sizes.answer)
        await answer.done()
        parts: list[Samples] = [{"place.gap": gaps(answer.arrivals[SETTLE:])}]
        for seq in (max(1, answer.pieces * n // PLACES) for n in range(1, PLACES + 1)):
            sent = time.perf_counter()
            parts.append({"place.alternatives": [(await line.alternatives(seq) - sent) * 1000]})
        fork = line.fork(max(1, answer.pieces // 2), sizes.answer)
        parts.append({"place.fork": [await fork.first()]})
        await fork.done()
    return merge(parts)
