"""`kill -9` of a server whose answer was steered: text and instruction stay, and the same rest follows."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from protocol.client import Generation, Retry, connect
from protocol.messages import Done, Steered, Token
from tests.faults.lives import Life, living
from tests.faults.proxy import proxy_to
from tests.faults.scale import DEADLINE, scaled

NEVER = Retry(give_up_after=0)
SOON = Retry(first=0.02, longest=0.02, give_up_after=None)
PROMPT = "Write a poem about the sea"
INSTRUCTION = "Tell me a long story"
TOKENS = 400
RESTS = scaled(3, 40)


async def steered(life: Life, rest: int | None = None) -> Generation:
    """Steer the answer `g1` while it waits for the only slot: the model reads the instruction after its first token.

    Read it to the end, or kill the server once ``rest`` tokens have arrived after the instruction.
    """
    async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
        earlier = chat.generate("Tell me a long story", max_tokens=1500)
        async for _ in earlier.pieces():
            break
        answer = chat.generate(PROMPT, id="g1", temperature=0, max_tokens=TOKENS, on_detach_ms=None)
        steering = asyncio.ensure_future(answer.steer(INSTRUCTION))
        await asyncio.sleep(0)  # the instruction is sent
        await chat.ping()
        earlier.stop()
        assert (await steering).seq == 2
        if rest is None:
            await answer.done()
            return answer
        while answer.seq < 2 + rest:
            await answer.changed()
        await life.kill()
        return answer


async def attached(life: Life, answer: Generation | None = None, id: str = "g1") -> Generation:
    """Read a generation from its beginning, or from where ``answer`` ends, to the end."""
    async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
        log = chat.attach(*answer.bookmark) if answer else chat.attach(id)
        ends = [event async for event in log if isinstance(event, Done)]
        assert ends == [log.result]
        assert log.rewritten == 0
        return log


def check_numbers(*parts: Generation) -> None:
    """Check that the events of one log, read in parts, have all numbers, and the instruction once."""
    log = [event for part in parts for event in part.log]
    numbers = [
        0,
        *(seq for event in log if isinstance(event, Token) for seq in range(event.seq - event.n + 1, event.seq + 1)),
    ]
    assert [event.seq for event in log if isinstance(event, Steered)] == [2]
    assert [(low, high) for low, high in itertools.pairwise(numbers) if high != low + 1] == [(1, 3)]
    end = parts[-1].result
    assert end is not None
    assert end.seq == numbers[-1] + 1


@pytest.mark.parametrize("rest", [n * TOKENS // (2 * RESTS) for n in range(RESTS)])
async def test_a_killed_server_writes_the_rest_after_the_instruction(tmp_path: Path, rest: int) -> None:
    """With ``rest`` 0 the kill comes with the instruction, before the client has a token after it."""
    serve = ("server", "serve", "--port=0", "--parallel=1")
    async with asyncio.timeout(DEADLINE):
        async with living(*serve, f"--data={tmp_path / 'whole'}") as life:
            whole = await steered(life)
        for number in itertools.count():
            data = f"--data={tmp_path / str(number)}"
            async with living(*serve, data) as life:
                before = await steered(life, rest)
            if before.result is None:
                break  # else the machine was so busy that the answer ended first
        async with living(*serve, data) as life:
            after, again = await attached(life, before), await attached(life)
    assert again.epoch == before.epoch
    check_numbers(again)
    check_numbers(before, after)
    assert again.messages == whole.messages
    assert again.text == after.text == whole.text
    assert [message.content for message in again.messages][1] == INSTRUCTION


async def test_an_instruction_that_a_killed_server_had_not_read_is_sent_again(tmp_path: Path) -> None:
    """Before the kill and after it, the answer waits for the only slot, which other answers have for long."""
    serve = ("server", "serve", "--port=0", "--parallel=1", f"--data={tmp_path}")
    async with asyncio.timeout(DEADLINE), proxy_to(0) as proxy, living(*serve) as life:
        proxy.target = life.port
        async with connect(proxy.url, retry=SOON) as chat:
            others = [chat.generate(INSTRUCTION, temperature=0, on_detach_ms=None) for _ in range(8)]
            answer = chat.generate(PROMPT, id="g1", temperature=0, max_tokens=TOKENS, on_detach_ms=None)
            asking = [asyncio.ensure_future(answer.steer(INSTRUCTION)) for _ in range(2)]
            await asyncio.sleep(0)  # the instructions are sent
            await chat.ping()
            await life.kill()
            async with living(*serve) as life:
                proxy.target = life.port
                while answer.epoch is None:
                    await answer.changed()
                await chat.ping()  # the server has got the instructions again
                for other in others:
                    other.stop()
                steered = await asyncio.gather(*asking)
                await answer.done()
                again = await attached(life)
    assert [event for event in again.log if isinstance(event, Steered)] == steered
    assert [event.content for event in steered] == [INSTRUCTION] * 2
    assert again.messages == answer.messages
