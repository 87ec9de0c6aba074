"""Calibration on our server: tokens per word, and the machine's speed."""

from __future__ import annotations

import dataclasses

from server.bench.bench_error import BenchError
from server.bench.load_sizes import LoadSizes
from server.bench.prompts import WORDS, Prompts
from server.bench.target import Target, ask

MOST_TOKENS = 512
"""Maximum length of an answer, in tokens, however fast the model is."""


async def tokens_per_word(target: Target) -> float:
    """Measure the tokens per word of the prompts that Prompts makes."""
    answer = await ask(target, " ".join(WORDS), 1)
    if not answer.prompt_tokens:
        raise BenchError("our server did not say how many tokens a prompt has")
    return answer.prompt_tokens / len(WORDS)


async def timed(target: Target, sizes: LoadSizes, prompts: Prompts) -> LoadSizes:
    """Return ``sizes`` with the measured time of a long prompt, and with answers long enough to measure."""
    reading = await ask(target, prompts.fresh(sizes.long), 1)
    answer = await ask(target, prompts.fresh(sizes.short), sizes.answer)
    tokens_per_second = answer.tokens / (await answer.done() - answer.sent)
    wanted = int(sizes.answer_seconds * tokens_per_second)
    most = min(MOST_TOKENS, (sizes.context - sizes.short) // 3)
    return dataclasses.replace(
        sizes, long_seconds=await reading.first() / 1000, answer=max(sizes.answer, min(wanted, most))
    )
