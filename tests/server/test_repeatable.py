"""Answers of the model that the tests of a whole server use."""

import json
from pathlib import Path

from protocol.conformance.http import fetch
from tests.server.repeatable import EndingSampler, program
from tests.server.test_main import started

BODY = json.dumps({"prompt": "Tell me a long story", "params": {"max_tokens": 40}}).encode()


async def texts(data: Path) -> list[str]:
    """Return two answers of a new server to one prompt without a seed."""
    async with started(str(data), program=program()) as (_, address):
        replies = [await fetch("POST", f"http://{address}/generate", BODY) for _ in range(2)]
    return [json.loads(reply.body)["text"] for reply in replies]


async def test_answers_without_a_seed_are_the_same_in_every_run(tmp_path: Path) -> None:
    assert await texts(tmp_path / "one") == await texts(tmp_path / "two")


class Endless:
    def sample(self, output: int) -> int:
        return 7

    def close(self) -> None:
        pass


def test_an_answer_that_goes_on_and_on_is_ended() -> None:
    sampler = EndingSampler(Endless(), left=3, end=2, is_held=lambda: False)
    assert [sampler.sample(0) for _ in range(4)] == [7, 7, 7, 2]


def test_an_answer_that_is_held_ends_soon_after_it_is_no_longer() -> None:
    held = iter([True, True, False])
    sampler = EndingSampler(Endless(), left=1, end=2, is_held=lambda: next(held))
    assert [sampler.sample(0) for _ in range(4)] == [7, 7, 7, 2]
