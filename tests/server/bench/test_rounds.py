"""The order of requests in a round of the bench."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from server.bench.load_sizes import LoadSizes
from server.bench.rounds import RunPlan, run_rounds
from server.bench.timed_answer import TimedAnswer


class RecordingSide:
    """A side whose server answers at once. ``asked``: numbers of words of the prompts, in order."""

    name = "ours"
    acknowledges = two_way = False

    def __init__(self) -> None:
        self.asked: list[int] = []

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[RecordingSide]:
        yield self

    async def connect(self) -> RecordingSide:
        return self

    async def counters(self) -> None:
        return None

    def ask(self, prompt: str, max_tokens: int) -> TimedAnswer:
        self.asked.append(len(prompt.split()))
        answer = TimedAnswer(0.0, max_tokens)
        answer.end(1.0)
        return answer

    def stop(self) -> float:
        raise AssertionError("the warm-up stops nothing")

    def close(self) -> None:
        pass


async def test_a_long_prompt_and_then_a_short_one_warm_a_server_up() -> None:
    side, sizes = RecordingSide(), LoadSizes(short=32, long=800)
    plan = RunPlan(sizes=sizes, groups=(), rounds=1, seed="a", tokens_per_word=1.0)
    await run_rounds(plan, [side], lambda remark: None)
    long, short = side.asked
    assert long > 10 * short > 100
