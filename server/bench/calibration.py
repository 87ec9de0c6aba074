"""What is found out beforehand, on our server: how long words are in tokens, and how fast this machine is."""

from __future__ import annotations

import dataclasses

from server.bench.errors import BenchError
from server.bench.prompts import WORDS, Prompts
from server.bench.samples import gaps, p50
from server.bench.sizes import Sizes
from server.bench.target import Target, ask

MOST_TOKENS = 512
"""Of an answer, however fast the model is."""


async def tokens_per_word(target: Target) -> float:
    """Of the prompts that Prompts makes."""
    answer = await ask(target, " ".join(WORDS), 1)
    if not answer.prompt_tokens:
        raise BenchError("our server did not say how many tokens a prompt has")
    return answer.prompt_tokens / len(WORDS)


async def timed(target: Target, sizes: Sizes, prompts: Prompts) -> Sizes:
    """``sizes`` with the time that a long prompt takes, and with answers that are long enough to measure."""
    reading = await ask(target, prompts.fresh(sizes.long), 1)
    answer = await ask(target, prompts.fresh(sizes.short), sizes.answer)
    wanted = sizes.answer
    if len(answer.arrivals) > 1:
        wanted = int(sizes.answer_seconds * 1000 / p50(gaps(answer.arrivals)))
    most = min(MOST_TOKENS, (sizes.context - sizes.short) // 3)
    return dataclasses.replace(
        sizes, long_seconds=await reading.first() / 1000, answer=max(sizes.answer, min(wanted, most))
    )
