"""The measures: on the real server over the scripted model, and on answers made by hand."""

from __future__ import annotations

import pytest

from server.bench.bench_error import BenchError
from server.bench.measures.readings import _around
from server.bench.measures.speculation import _answer, _third_copy
from server.bench.measures.throughput import _outside
from server.bench.target import ServerCounters
from server.bench.timed_answer import TimedAnswer


def answer(sent: float, *arrivals: float) -> TimedAnswer:
    made = TimedAnswer(sent, 10)
    for time in arrivals:
        made.arrived(time, "x")
    return made


def test_the_gaps_that_count_span_the_reading() -> None:
    running = answer(0.0, 1, 2, 3, 5, 9, 12, 13)
    long = answer(2.5, 9.5)
    assert _around(running, long) == [2, 3, 5, 9, 12]


def test_the_gaps_of_an_answer_that_ended_in_between() -> None:
    assert _around(answer(0.0, 1, 2, 3), answer(2.5, 9.5)) == [2, 3]


def test_time_outside_llama_cpp() -> None:
    before = ServerCounters.of(engine(tokens=100, busy=1.0, decode=0.5, sample=0.1))
    after = ServerCounters.of(engine(tokens=200, busy=2.0, decode=1.3, sample=0.2))
    found = _outside(before, after, 4)
    assert found["outside.4"] == pytest.approx([1000.0])
    assert found["outside.share.4"] == pytest.approx([10.0])


def test_an_engine_that_counts_no_time() -> None:
    bare = ServerCounters.of({"prompt_tokens": 1, "completion_tokens": 2})
    assert _outside(bare, bare, 4) == {}


def engine(*, tokens: int, busy: float, decode: float, sample: float) -> dict[str, float]:
    seconds = {"busy_seconds": busy, "decode_seconds": decode, "sample_seconds": sample}
    return {"prompt_tokens": 0, "completion_tokens": tokens, **seconds}


async def test_tokens_per_step_follow_from_the_accepted_ones() -> None:
    found = await _answer(CopyingTarget(), "copy", "a", 80)
    assert found == {"copy.rate": [pytest.approx(39.5)], "copy.step": [4.0]}


def test_a_prompt_has_two_copies_and_the_beginning_of_a_third() -> None:
    words = [f"w{n}" for n in range(40)]
    prompt = _third_copy(" ".join(words))
    assert prompt.split() == [*words, *words, *words[:16]]
    assert len(prompt.splitlines()) == 5 + 1 + 5 + 1 + 2


class CopyingTarget:
    """A server whose answer of 80 tokens takes two seconds, and 60 of whose tokens were proposed and right."""

    acknowledges = two_way = True

    def __init__(self) -> None:
        self._accepted = 100
        self._answer = answer(0.0)

    async def counters(self) -> ServerCounters:
        return ServerCounters.of({"prompt_tokens": 1, "completion_tokens": 2, "accepted_tokens": self._accepted})

    async def connect(self) -> CopyingTarget:
        return self

    def ask(self, prompt: str, max_tokens: int) -> TimedAnswer:
        self._accepted += 60
        self._answer.arrived(1.0, "x")
        self._answer.tokens = max_tokens
        self._answer.end(3.0)
        return self._answer

    def stop(self) -> float:
        raise NotImplementedError

    def close(self) -> None:
        pass


async def test_waiting_ends_with_the_answer() -> None:
    ended = answer(0.0, 1.0)
    ended.end(2.0)
    ended.end(3.0, "too late to matter")
    await ended.until(5)
    assert await ended.done() == 2.0
    assert await ended.first() == 1000.0


async def test_an_answer_that_failed_says_why() -> None:
    failed = answer(0.0, 1.0)
    failed.end(2.0, "out of memory")
    with pytest.raises(BenchError, match="out of memory"):
        await failed.done()


async def test_an_answer_without_text_counts_to_its_end() -> None:
    empty = answer(0.5)
    empty.end(1.0)
    assert await empty.first() == 500.0
