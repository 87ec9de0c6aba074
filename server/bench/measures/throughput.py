"""Tokens per second of all answers together, and the server's own share of that time."""

from __future__ import annotations

from server.bench.load_sizes import LoadSizes
from server.bench.prompts import Prompts
from server.bench.samples import Samples
from server.bench.target import ServerCounters, Target, ask_at_once


async def throughput(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    """Measure N simultaneous answers of the same length, from the request to the last token."""
    samples: Samples = {"early": []}
    for streams in sizes.streams:
        before = await target.counters()
        answers = await ask_at_once(target, [prompts.fresh(sizes.short) for _ in range(streams)], sizes.answer)
        after = await target.counters()
        seconds = max(time for answer in answers for time in answer.arrivals) - min(answer.sent for answer in answers)
        samples[f"throughput.{streams}"] = [sum(answer.tokens for answer in answers) / seconds]
        samples["early"] += [answer.wanted for answer in answers if answer.early]
        if before is not None and after is not None:
            samples |= _outside(before, after, streams)
    return samples


def _outside(before: ServerCounters, after: ServerCounters, streams: int) -> Samples:
    """Return the time outside llama.cpp: microseconds per token, and percent of the steps."""
    if before.outside is None or after.outside is None or before.busy_seconds is None or after.busy_seconds is None:
        return {}
    spent, busy = after.outside - before.outside, after.busy_seconds - before.busy_seconds
    tokens = after.completion_tokens - before.completion_tokens
    return {f"outside.{streams}": [spent / tokens * 1e6], f"outside.share.{streams}": [spent / busy * 100]}
