"""The second turn of a long conversation, compared with its first."""

from __future__ import annotations

from server.bench.load_sizes import LoadSizes
from server.bench.prompts import Prompts
from server.bench.samples import Samples, merge
from server.bench.target import Target, ask


async def turns(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    return merge([await _conversation(target, sizes, prompts) for _ in range(sizes.turns)])


async def _conversation(target: Target, sizes: LoadSizes, prompts: Prompts) -> Samples:
    prompt = prompts.fresh(sizes.long)
    first = await ask(target, prompt, sizes.turn)
    second = await ask(target, f"{prompt}{first.text} {prompts.fresh(sizes.short)}", 4)
    waited = [await first.first(), await second.first()]
    return {"turn.first": waited[:1], "turn.second": waited[1:], "turn.share": [waited[1] / waited[0]]}
