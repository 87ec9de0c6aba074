"""`kill -9` of a server whose answer was tuned: text and parameters stay, and the same rest follows."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from protocol.client import Generation, Retry, connect
from protocol.messages import Tuned
from tests.faults.lives import Life, living
from tests.faults.scale import DEADLINE, scaled
from tests.faults.test_kill_steered import attached

NEVER = Retry(give_up_after=0)
PROMPT = "Write a poem about the sea"
TOKENS = 200
RESTS = scaled(3, 40)


async def tuned(life: Life, rest: int | None = None) -> Generation:
    """Tune the answer `g1` while it waits for the only slot: the new parameters hold from its first token on.

    Read it to the end, or kill the server once ``rest`` tokens have arrived after the change.
    """
    async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
        earlier = chat.generate("Tell me a long story", max_tokens=1500)
        async for _ in earlier.pieces():
            break
        answer = chat.generate(PROMPT, id="g1", temperature=0, max_tokens=5, seed=7, on_detach_ms=0)
        change = await answer.tune(temperature=1.5, top_k=0, top_p=1, max_tokens=TOKENS, on_detach_ms=None)
        assert change.seq == 1
        earlier.stop()
        if rest is None:
            await answer.done()
            return answer
        while answer.seq < 1 + rest and not answer.ended:
            await answer.changed()
        await life.kill()
        return answer


@pytest.mark.parametrize("rest", [n * TOKENS // (2 * RESTS) for n in range(RESTS)])
async def test_a_killed_server_writes_the_rest_with_the_new_parameters(tmp_path: Path, rest: int) -> None:
    """With ``rest`` 0 the kill comes with the change, before the answer has a token."""
    serve = ("server", "serve", "--port=0", "--parallel=1")
    async with asyncio.timeout(DEADLINE):
        async with living(*serve, f"--data={tmp_path / 'whole'}") as life:
            whole = await tuned(life)
        for number in itertools.count():
            data = f"--data={tmp_path / str(number)}"
            async with living(*serve, data) as life:
                before = await tuned(life, rest)
            if before.result is None:
                break  # else the machine was so busy that the answer ended first
        async with living(*serve, data) as life:
            after, again = await attached(life, before), await attached(life)
    assert again.epoch == before.epoch
    assert [event.seq for event in again.log if isinstance(event, Tuned)] == [1]
    assert not any(isinstance(event, Tuned) for event in after.log)
    assert again.text == after.text == whole.text
    assert again.result and whole.result
    assert again.result.usage.completion_tokens == whole.result.usage.completion_tokens > 5
