"""`kill -9` of a server that writes a fork: it has what it began with, and the same rest follows."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from protocol.client import Generation, Retry, connect
from protocol.messages import Accepted, ForkPoint
from tests.faults.lives import Life, living
from tests.faults.scale import DEADLINE, scaled
from tests.faults.test_kill_steered import attached

NEVER = Retry(give_up_after=0)
PROMPT = "Write a poem about the sea"
PLACE = 20
TOKENS = 160
RESTS = scaled(3, 40)


async def forked(life: Life, rest: int | None = None) -> tuple[str, Generation]:
    """Fork an answer. Read the fork to the end, or kill the server once ``rest`` tokens have arrived after what it took
    over. Returns the text of the first answer too."""
    async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
        first = chat.generate(PROMPT, id="g1", temperature=0, max_tokens=TOKENS // 2)
        await first.done()
        point = ForkPoint(id="g1", seq=PLACE, text=" Suddenly")
        answer = chat.generate(fork=point, id="g2", on_detach_ms=None, max_tokens=TOKENS)
        async for event in answer:
            if isinstance(event, Accepted):
                break
        while rest is not None and answer.seq < PLACE + rest and not answer.ended:
            await answer.changed()
        if rest is not None:
            await life.kill()
        else:
            await answer.done()
        return first.text, answer


@pytest.mark.parametrize("rest", [n * TOKENS // (2 * RESTS) for n in range(RESTS)])
async def test_a_killed_server_continues_its_fork(tmp_path: Path, rest: int) -> None:
    """With ``rest`` 0 the kill comes once the fork is accepted, mostly before its first token."""
    serve = ("server", "serve", "--port=0", "--parallel=2")
    async with asyncio.timeout(DEADLINE):
        async with living(*serve, f"--data={tmp_path / 'whole'}") as life:
            text, whole = await forked(life)
        for number in itertools.count():
            data = f"--data={tmp_path / str(number)}"
            async with living(*serve, data) as life:
                _, before = await forked(life, rest)
            if before.result is None:
                break  # else the machine was so busy that the fork ended first
        async with living(*serve, data) as life:
            after, again = await attached(life, before), await attached(life, id="g2")
    assert again.epoch == before.epoch
    assert again.text == after.text == whole.text
    assert whole.text.startswith(text[:20]) and " Suddenly" in whole.text
    assert again.result and whole.result
    assert again.result.usage.completion_tokens == whole.result.usage.completion_tokens
