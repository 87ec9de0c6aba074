"""Many generations of every kind, stopped at random: nothing is left behind, and greedy answers don't change.

``make soak`` runs ten thousand of them.
"""

import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import psutil
import pytest

from server.engine.base import Finished, FinishReason, GenerationRequest, Piece, SamplingParams, Update
from server.engine.llama import LlamaModel
from server.engine.options import EngineOptions
from server.engine.worker import BatchingEngine
from server.starter import MODEL_PATH
from tests.server.engine.starter import StarterBench

GENERATIONS = int(os.environ.get("SOAK_GENERATIONS", "300"))
AT_ONCE = 24
DEADLINE = 120.0
GROWTH = 48 * 2**20
"""Allowed growth after the first third, in bytes: saved KV up to its budget, and chance."""
SAVED_BYTES = 16 * 2**20
DIFFERENT = 0.1
"""Allowed share of greedy answers that differ from a lone run; docs/structure.md gives the reasons."""

QUESTIONS = [
    f"{question} {style}"
    for question in (
        "Tell me a story",
        "What is a river?",
        "Who are you?",
        "Why is the sky blue?",
        "How do I sleep well?",
    )
    for style in ("In a few words, please.", "At great length, please.", "Explain it to a child.")
]


class Crowd:
    """Listener that stores what it needs to check each open generation's end, and nothing of ended ones."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.tokens: dict[str, list[int]] = {}
        self.seen: dict[str, int] = {}
        self.ended: dict[str, Finished] = {}

    def begin(self, id: str) -> None:
        with self.changed:
            self.tokens[id], self.seen[id] = [], 0

    def listen(self, updates: Sequence[Update]) -> None:
        with self.changed:
            for update in updates:
                self.seen[update.id] += 1
                if isinstance(update, Piece):
                    self.tokens[update.id].extend(update.tokens)
                elif isinstance(update, Finished):
                    assert update.id not in self.ended
                    self.ended[update.id] = update
            self.changed.notify_all()

    def take(self) -> dict[str, tuple[Finished, list[int]]]:
        """Return the ends since the last call."""
        taken = {id: (finished, self.tokens.pop(id)) for id, finished in self.ended.items()}
        for id in taken:
            del self.seen[id], self.ended[id]
        return taken


class Soak:
    """Keeps up to AT_ONCE generations open, and cancels some of them after a random number of updates."""

    def __init__(self, engine: BatchingEngine, prompts: list[list[int]], alone: list[list[int]], grammar: str) -> None:
        self.engine, self.prompts, self.alone, self.grammar = engine, prompts, alone, grammar
        self.dice = random.Random(1)
        self.crowd = Crowd()
        self.reasons = dict.fromkeys(FinishReason, 0)
        self.compared = self.different = 0
        self._patience: dict[str, int] = {}
        self._greedy: dict[str, int] = {}
        self._count = 0
        engine.start(self.crowd.listen)

    def run(self, count: int) -> None:
        """Run ``count`` more generations to their ends."""
        left = count
        while left or self.crowd.tokens:
            while left and len(self.crowd.tokens) < AT_ONCE:
                self._begin()
                left -= 1
            self._wait()

    def _begin(self) -> None:
        self._count += 1
        id = str(self._count)
        greedy = self.dice.random() < 0.2
        number = self.dice.randrange(len(self.prompts))
        prompt, params = (self.prompts[number], {"temperature": 0.0, "max_tokens": 40}) if greedy else self._any(number)
        if greedy:
            self._greedy[id] = number
        if self.dice.random() < (0.1 if greedy else 0.4):
            self._patience[id] = self.dice.choice((0, 0, 1, 2, 5, 20))
        self.crowd.begin(id)
        request = GenerationRequest(
            id=id,
            prompt=tuple(prompt),
            sampling=SamplingParams(**params),
            received=time.monotonic(),
            principal=self.dice.choice("abc"),
        )
        self.engine.submit(request)

    def _any(self, number: int) -> tuple[list[int], dict[str, Any]]:
        dice = self.dice
        prompt = self.prompts[number][: dice.randrange(1, 400)] + [
            dice.randrange(300, 3000) for _ in range(dice.randrange(9))
        ]
        params: dict[str, Any] = {"max_tokens": dice.randrange(1, 50), "temperature": dice.choice((0.0, 0.7, 1.5))}
        for name, values in {
            "top_k": (0, 1, 40),
            "top_p": (0.5, 1.0),
            "min_p": (0.0, 0.2),
            "typical_p": (0.7, 1.0),
            "seed": (-1, 5),
            "frequency_penalty": (0.0, 1.0),
            "dry_multiplier": (0.0, 0.8),
            "xtc_probability": (0.0, 0.5),
            "stop": ((), ("the",), ("\n", ". ")),
            "top_logprobs": (None, 0, 20),
            "grammar": (None, None, None, self.grammar),
        }.items():
            params[name] = dice.choice(values)
        return prompt, params

    def _wait(self) -> None:
        """Return once a generation has ended, or at the time limit."""
        with self.crowd.changed:
            assert self.crowd.changed.wait_for(self._due, DEADLINE), f"no end of {list(self.crowd.tokens)}"
            ended = self.crowd.take()
            impatient = [id for id in self._patience if id in self.crowd.seen and self._is_impatient(id)]
        for id, (finished, tokens) in ended.items():
            self._check(id, finished, tokens)
        for id in impatient:
            del self._patience[id]
            self.engine.cancel(id, time.monotonic())

    def _due(self) -> bool:
        return bool(self.crowd.ended) or any(map(self._is_impatient, self._patience))

    def _is_impatient(self, id: str) -> bool:
        return self.crowd.seen.get(id, -1) >= self._patience[id]

    def _check(self, id: str, finished: Finished, tokens: list[int]) -> None:
        self.reasons[finished.reason] += 1
        self._patience.pop(id, None)
        assert finished.error is None, finished
        assert len(tokens) <= finished.usage.completion_tokens
        number = self._greedy.pop(id, None)
        if number is None:
            return
        expected = self.alone[number]
        if finished.reason is FinishReason.CANCELLED:
            expected = expected[: len(tokens)]
        self.compared += 1
        self.different += tokens != expected


@pytest.fixture(scope="module")
def prompts_and_answers() -> Iterator[tuple[list[list[int]], list[list[int]], str]]:
    """Prompts, and the greedy answer to each from an engine of its own, without reuse."""
    bench = StarterBench(EngineOptions(saved_bytes=0), parallel=1)
    prompts, answers = [], []
    for question in QUESTIONS:
        prompts.append(bench.render(question * bench_repeats(question)))
        answers.append(bench.ask(prompts[-1], temperature=0.0, max_tokens=40)[0])
        bench.ask(bench.long_prompt("something else")[:40], max_tokens=1)
    grammar = bench.engine.grammar({"type": "array", "items": {"type": "string", "maxLength": 20}})
    yield prompts, answers, grammar
    bench.close()


def bench_repeats(question: str) -> int:
    """Strategy: some prompts are long."""
    return 20 if "story" in question else 5


def memory() -> int:
    return int(psutil.Process().memory_info().rss)


@pytest.mark.parametrize("kv_tokens", [None, 600], ids=["own cells", "shared cells"])
def test_nothing_is_left_behind(
    prompts_and_answers: tuple[list[list[int]], list[list[int]], str],
    kv_tokens: int | None,
) -> None:
    threads = set(threading.enumerate())
    model = LlamaModel(MODEL_PATH, context=1024, parallel=8, kv_tokens=kv_tokens)
    engine = BatchingEngine(model, EngineOptions(saved_bytes=SAVED_BYTES))
    soak = Soak(engine, *prompts_and_answers)
    soak.run(GENERATIONS // 3)
    used = memory()
    soak.run(GENERATIONS - GENERATIONS // 3)
    grown = memory() - used
    stats = engine.stats()
    assert (stats.alive, stats.running, stats.queued, stats.kv_tokens) == (True, 0, 0, 0)
    assert stats.saved_bytes <= SAVED_BYTES
    engine.close()
    assert set(threading.enumerate()) == threads
    assert grown < GROWTH
    assert sum(soak.reasons.values()) == GENERATIONS
    assert min(soak.reasons[reason] for reason in ("stop", "length", "cancelled")) > 0  # type: ignore[index]
    assert soak.compared > GENERATIONS / 10
    if kv_tokens is not None:
        assert stats.preemptions > 0
    print(f"{soak.reasons}; {soak.different} of {soak.compared} greedy answers differ; {grown / 2**20:.1f} MiB more")
    print(f"{stats.preemptions} preemptions, {stats.cached_tokens} tokens reused, {stats.prompt_tokens} read")
    assert soak.different <= DIFFERENT * soak.compared
