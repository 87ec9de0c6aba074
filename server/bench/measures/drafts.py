"""First token of a message that the server could read while it was being written, and the pace of others meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import cast

from server.bench.load_sizes import LoadSizes
from server.bench.prompts import Prompts
from server.bench.samples import Samples, gaps, merge
from server.bench.target import Target
from server.bench.timed_answer import TwoWayConnection

SETTLE = 4
"""Tokens at the start of an answer that are not measured."""

FEW = 4

PAUSE = 0.5
"""Seconds before a message is sent at which its draft is complete: the page's pause of typing, and a moment."""


async def drafts(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    if not target.two_way:
        return {}
    return merge([await _once(target, sizes, prompts) for _ in range(sizes.turns)])


async def _once(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    """Measure a short message, a long one, and a long one that was pasted ``sizes.writing`` seconds before."""
    short = await _sent(target, prompts.fresh(sizes.short))
    whole = await _sent(target, prompts.fresh(sizes.pasted))
    line = cast(TwoWayConnection, await target.connect())
    with closing(line):
        pasted, question = prompts.fresh(sizes.pasted - sizes.short), prompts.fresh(sizes.short)
        line.draft(pasted)
        await asyncio.sleep(sizes.writing - PAUSE)
        line.draft(f"{pasted} {question}")
        await asyncio.sleep(PAUSE)
        answer = line.ask_message(f"{pasted} {question}", FEW)
        ahead = await answer.first()
        await answer.done()
    samples = {"draft.short": [short], "draft.whole": [whole], "draft.ahead": [ahead]}
    samples |= {"draft.share": [ahead / whole], "draft.over": [ahead / short]}
    return samples | await _beside(target, sizes, prompts)


async def _sent(target: Target, text: str) -> float:
    line = cast(TwoWayConnection, await target.connect())
    with closing(line):
        answer = line.ask_message(text, FEW)
        first = await answer.first()
        await answer.done()
        return first


async def _beside(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    """Measure a running answer, first alone, then while another client's draft is unread."""
    runner, writer = await target.connect(), cast(TwoWayConnection, await target.connect())
    with closing(runner), closing(writer):
        running = runner.ask(prompts.fresh(sizes.short), sizes.running)
        await running.until(SETTLE + sizes.answer)
        alone = gaps(running.arrivals[SETTLE:])
        writer.draft(prompts.fresh(sizes.long))
        start = len(running.arrivals)
        await running.until(start + sizes.answer)
        beside = gaps(running.arrivals[start - 1 :])
        runner.stop()
        await running.done()
    return {"draft.gap.alone": alone, "draft.gap.beside": beside}
