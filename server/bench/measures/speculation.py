"""Speed of one answer that copies a text, and of one that doesn't."""

from __future__ import annotations

from server.bench.load_sizes import LoadSizes
from server.bench.prompts import Prompts
from server.bench.samples import Samples, merge
from server.bench.target import Target, ask

LINE = 8
"""Words in a line of the copied text."""

BEGUN = 16
"""Words of the third copy that the prompt has, so that the model continues it."""

LEAST_SECONDS = 1e-6
"""Lower bound of a duration, in seconds: a tiny answer may arrive whole."""


async def speculation(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    """Measure answers of ``sizes.copied`` tokens, in turns of both kinds."""
    parts: list[Samples] = []
    for _ in range(sizes.turns):
        copied = await _answer(target, "copy", _third_copy(prompts.fresh(sizes.copied)), sizes.copied)
        prose = await _answer(target, "prose", prompts.fresh(sizes.short), sizes.copied)
        share = copied["copy.rate"][0] / prose["prose.rate"][0]
        parts += [copied, prose, {"copy.share": [share]}]
    return merge(parts)


def _third_copy(text: str) -> str:
    """Return a prompt with two copies of ``text`` and the beginning of a third one."""
    words = text.split()
    lines = "\n".join(" ".join(words[at : at + LINE]) for at in range(0, len(words), LINE))
    return f"{lines}\n\n{lines}\n\n{' '.join(words[:LINE])}\n{' '.join(words[LINE:BEGUN])}"


async def _answer(target: Target, kind: str, prompt: str, tokens: int) -> Samples:
    """Return the tokens per second after the first text, and the tokens per step if the server counts them: each
    accepted token has saved a step."""
    before = await target.counters()
    answer = await ask(target, prompt, tokens)
    after = await target.counters()
    assert answer.ended is not None
    seconds = max(answer.ended - answer.first_at, LEAST_SECONDS)
    samples: Samples = {f"{kind}.rate": [(answer.tokens - 1) / seconds]}
    if before and after and before.accepted_tokens is not None and after.accepted_tokens is not None:
        steps = answer.tokens - (after.accepted_tokens - before.accepted_tokens)
        samples[f"{kind}.step"] = [answer.tokens / steps]
    return samples
