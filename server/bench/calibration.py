"""What is found out beforehand, on our server: how long words are in tokens, and how fast this machine is."""

from __future__ import annotations

import dataclasses

from server.bench.errors import BenchError
from server.bench.prompts import Prompts
from server.bench.samples import gaps, p50
from server.bench.sizes import Sizes
from server.bench.target import Target, ask

PROBE_WORDS = 200

ANSWER_SECONDS, MOST_TOKENS = 1.5, 512
"""A single answer should take so long, so that a fast model is measured over more than a blink."""


async def tokens_per_word(target: Target) -> float:
    """Of the prompts that Prompts makes."""
    answer = await ask(target, Prompts("words", 1.0).fresh(PROBE_WORDS), 1)
    if not answer.prompt_tokens:
        raise BenchError("our server did not say how many tokens a prompt has")
    return answer.prompt_tokens / PROBE_WORDS


async def timed(target: Target, sizes: Sizes, prompts: Prompts) -> Sizes:
    """``sizes`` with the time that a long prompt takes, and with answers that are long enough to measure."""
    reading = await ask(target, prompts.fresh(sizes.long), 1)
    answer = await ask(target, prompts.fresh(sizes.short), sizes.answer)
    seconds_per_token = p50(gaps(answer.arrivals)) / 1000 if len(answer.arrivals) > 1 else ANSWER_SECONDS
    room = (sizes.context - sizes.long) // 2
    wanted = int(min(ANSWER_SECONDS / seconds_per_token, MOST_TOKENS, max(room, sizes.answer)))
    return dataclasses.replace(
        sizes, long_seconds=await reading.first() / 1000, answer=max(sizes.answer, wanted)
    )
