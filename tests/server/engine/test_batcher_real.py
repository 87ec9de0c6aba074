"""The batcher over the starter model: reuse, eviction, shift and failure don't change the answers."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.engine.base import Choice, Draft, FinishReason, Limit, Phase, Piece, Prefill
from server.engine.options import EngineOptions
from server.starter import MODEL_PATH
from tests.server.engine.starter import TEXT, StarterBench
from tests.server.engine.test_drafts import until

GREEDY: dict[str, Any] = {"temperature": 0.0}
SEEDED: dict[str, Any] = {"temperature": 0.8, "seed": 7, "frequency_penalty": 0.3, "presence_penalty": 0.2}


@pytest.fixture
def make() -> Iterator[type[StarterBench]]:
    """Make a ``StarterBench``, which the end of the test closes."""
    made: list[StarterBench] = []

    class Closed(StarterBench):
        def __init__(self, options: EngineOptions | None = None, path: Path = MODEL_PATH, **model: Any) -> None:
            super().__init__(options, path, **model)
            made.append(self)

    yield Closed
    for bench in made:
        bench.close()


@pytest.fixture(scope="module")
def fresh() -> Iterator[StarterBench]:
    """An engine that never reuses anything."""

    class Fresh(StarterBench):
        def ask(self, prompt: Any = None, **sampling: Any) -> Any:
            tokens, finished = super().ask(prompt, **sampling)
            super().ask(self.long_prompt(f"other {self._asked}")[:40], max_tokens=1)
            return tokens, finished

    bench = Fresh(EngineOptions(saved_bytes=0), parallel=1)
    yield bench
    bench.close()


def undisturbed(fresh: StarterBench, prompt: list[int], **sampling: Any) -> list[int]:
    tokens, finished = fresh.ask(prompt, **sampling)
    assert finished.usage.cached_tokens < 20
    return tokens


def submit_together(bench: StarterBench, prompts: list[list[int]], **sampling: Any) -> None:
    """Submit each of ``prompts`` under its number, and close the gate.

    The first alone is in the step at the gate, and the others begin in the next: always the same batches, and with
    them the same bits.
    """
    bench.model.gate.close()
    for number, prompt in enumerate(prompts):
        bench.submit(str(number), prompt, **sampling)
        bench.model.gate.wait_until_held()


# Reuse


def test_a_next_turn_reuses_the_last_one(make: type[StarterBench], fresh: StarterBench) -> None:
    bench = make(parallel=2)
    first = bench.render(TEXT * 4)
    tokens, _ = bench.ask(first, **GREEDY)
    said = b"".join(map(bench.model.piece, tokens)).decode()
    second = bench.render(TEXT * 4, said, "And what is the moral of it?")
    again, finished = bench.ask(second, **GREEDY)
    assert finished.usage.cached_tokens > len(first)
    assert again == undisturbed(fresh, second, **GREEDY) != []


def test_a_draft_changes_no_answer(make: type[StarterBench], fresh: StarterBench) -> None:
    bench = make(parallel=2)
    prompt = bench.prompt(12)
    for part in (len(prompt) // 3, len(prompt) // 2, len(prompt) - 9):
        bench.engine.read_ahead(Draft(key="d", principal="", tokens=tuple(prompt[:part])))
        until(lambda part=part: bench.engine.stats().draft_tokens >= part - 1)  # type: ignore[misc]
    tokens, finished = bench.ask(prompt, **GREEDY)
    assert finished.usage.cached_tokens >= len(prompt) - 10
    assert tokens == undisturbed(fresh, prompt, **GREEDY)


def test_a_beginning_is_shared_with_one_that_still_runs(make: type[StarterBench], fresh: StarterBench) -> None:
    bench = make(parallel=3)
    prompts = [bench.render(f"{TEXT * 4} Question number {number}?") for number in range(3)]
    bench.submit("runs", prompts[0], **GREEDY, **bench.never_ending)
    bench.recorder.wait_for_pieces("runs")
    for prompt in prompts[1:]:
        tokens, finished = bench.ask(prompt, **GREEDY)
        assert finished.usage.cached_tokens > 50
        assert tokens == undisturbed(fresh, prompt, **GREEDY)
    bench.cancel("runs")


def test_a_beginning_that_is_read_once_for_all_changes_no_answer(make: type[StarterBench], fresh: StarterBench) -> None:
    bench = make(parallel=8)
    prompts = [bench.render(f"{TEXT * 8} Question number {number}?") for number in range(8)]
    bench.model.gate.close()  # so that the others arrive before the first is read
    for number, prompt in enumerate(prompts):
        bench.submit(str(number), prompt, **GREEDY, max_tokens=60)
    bench.model.gate.open()
    for number, prompt in enumerate(prompts):
        finished = bench.recorder.finished(str(number))
        assert finished.usage.cached_tokens > (100 if number else -1)
        assert bench.recorder.tokens(str(number)) == undisturbed(fresh, prompt, **GREEDY)
    assert bench.engine.stats().prompt_tokens < 2 * len(prompts[0])


def test_a_beginning_of_a_thousand_tokens_is_computed_once_for_eight(make: type[StarterBench]) -> None:
    bench = make(parallel=8)
    shared = bench.long_prompt("shared")[:1000]
    prompts = [shared + bench.long_prompt(str(number))[:10] for number in range(8)]
    bench.model.gate.close()
    for number, prompt in enumerate(prompts):
        bench.submit(str(number), prompt, max_tokens=1)
    bench.model.gate.open()
    for number in range(8):
        bench.recorder.finished(str(number))
    assert 1000 < bench.engine.stats().prompt_tokens <= 1.1 * len(prompts[0])


def test_sequence_without_its_slot_is_restored(make: type[StarterBench], fresh: StarterBench) -> None:
    bench = make(parallel=1)
    prompt = bench.render(TEXT * 4)
    expected = undisturbed(fresh, prompt, **GREEDY)
    bench.ask(prompt, **GREEDY)
    bench.ask(bench.long_prompt("other"), **GREEDY)
    assert bench.engine.stats().saved_bytes > 0
    tokens, finished = bench.ask(prompt, **GREEDY)
    assert finished.usage.cached_tokens == len(prompt) - 2
    assert tokens == expected


def test_a_beginning_is_cut_in_the_middle(make: type[StarterBench], fresh: StarterBench) -> None:
    bench = make(parallel=2)
    long = bench.render(TEXT * 8)
    bench.ask(long, **GREEDY)
    for length in (40, 60, 100, len(long) - 1):
        prompt = [*long[:length], *bench.engine.tokenize("What then?")]
        tokens, finished = bench.ask(prompt, **GREEDY)
        assert finished.usage.cached_tokens >= length
        assert tokens == undisturbed(fresh, prompt, **GREEDY)


def test_a_cancelled_prompt_is_reused(make: type[StarterBench], fresh: StarterBench) -> None:
    bench = make(parallel=1)
    prompt = bench.long_prompt("cancelled")[:900]
    bench.model.gate.close()
    bench.submit("cancelled", prompt, **GREEDY)
    bench.model.gate.step()
    bench.recorder.wait_for_prefill("cancelled", 1)
    assert bench.cancel("cancelled").phase is Phase.PREFILL
    read = max(update.done for update in bench.recorder.of("cancelled") if isinstance(update, Prefill))
    bench.model.gate.open()
    tokens, finished = bench.ask(prompt, **GREEDY)
    assert finished.usage.cached_tokens == read
    assert tokens == undisturbed(fresh, prompt, **GREEDY)


# To the last bit

TOPICS = ("the sea", "WebSockets", "the moon", "rain", "computers", "friendship", "winter", "bread", "a river", "a cat")
FORMS = ("Tell me a long story about {}.", "What is {}?", "Write a poem about {}.", "Why do people like {}?")
PROMPTS = [form.format(topic) for topic in TOPICS for form in FORMS]


def greedy(bench: StarterBench, id: str, prompt: str, written: Sequence[int] = ()) -> tuple[list[int], list[Choice]]:
    """Return the tokens and logprobs of an answer, or of its rest. A logprob differs if one bit of a logit does."""
    sampling = {**GREEDY, "max_tokens": 60, "top_logprobs": 3}
    bench.submit(id, bench.render(prompt), written=tuple(written), **sampling)
    bench.recorder.finished(id)
    pieces = [update for update in bench.recorder.of(id) if isinstance(update, Piece)]
    return bench.recorder.tokens(id), [choice for piece in pieces for choice in piece.choices]


def test_a_greedy_answer_continues_from_any_token_as_if_nothing_had_been(make: type[StarterBench]) -> None:
    first, next = make(EngineOptions(saved_bytes=0), parallel=1), make(EngineOptions(saved_bytes=0), parallel=1)
    for number, prompt in enumerate(PROMPTS):
        tokens, choices = greedy(first, prompt, prompt)
        cut = 1 + 7 * number % (len(tokens) - 1)
        assert greedy(next, prompt, prompt, tokens[:cut]) == (tokens[cut:], choices[cut:])


def test_a_greedy_answer_is_the_same_when_it_is_asked_for_again(make: type[StarterBench]) -> None:
    bench = make(parallel=1)
    for prompt in PROMPTS[:8]:
        assert greedy(bench, f"{prompt} again", prompt) == greedy(bench, prompt, prompt)


# No room


@pytest.mark.parametrize("sampling", [GREEDY, SEEDED])
def test_sequence_sent_back_continues_with_the_same_text(
    make: type[StarterBench], fresh: StarterBench, sampling: dict[str, Any]
) -> None:
    bench = make(parallel=3, context=512, kv_tokens=512)
    sampling = {**sampling, **bench.never_ending, "max_tokens": 160}
    prompts = [bench.render(f"{number}. {TEXT * 2}") for number in range(3)]
    submit_together(bench, prompts, **sampling)
    bench.model.gate.open()
    for number, prompt in enumerate(prompts):
        assert bench.recorder.finished(str(number)).limit is Limit.MAX_TOKENS
        assert bench.recorder.tokens(str(number)) == undisturbed(fresh, prompt, **sampling)
    assert bench.engine.stats().preemptions >= 1


def test_lone_answer_fills_exactly_the_context(make: type[StarterBench]) -> None:
    bench = make(parallel=2, context=512, kv_tokens=512)
    prompt = bench.prompt()
    _, finished = bench.ask(prompt, max_tokens=None, **bench.never_ending)
    assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.CONTEXT)
    assert len(prompt) + finished.usage.completion_tokens == 512


def test_with_a_shift_an_answer_continues_far_beyond_the_context(make: type[StarterBench]) -> None:
    bench = make(EngineOptions(context_shift=True), parallel=2, context=256)
    tokens, finished = bench.ask(max_tokens=1000, **bench.never_ending)
    assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.MAX_TOKENS)
    assert len(tokens) == finished.usage.completion_tokens == 1000
    assert bench.ask(**GREEDY)[0] == make(parallel=2, context=256).ask(**GREEDY)[0]


# Faults


def broken_model(tmp_path: Path) -> Path:
    """The starter model with one weight that is not a number: the scale of its last large tensor's first block."""
    from gguf import GGUFReader

    path = tmp_path / "broken.gguf"
    path.write_bytes(MODEL_PATH.read_bytes())
    reader = GGUFReader(path)
    tensor = next(tensor for tensor in reader.tensors if tensor.name == "blk.5.ffn_down.weight")
    offset = int(tensor.data_offset)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(np.float16(np.nan).tobytes())
    return path


def test_a_model_that_computes_no_numbers_fails_each_answer_and_not_the_engine(
    make: type[StarterBench], tmp_path: Path
) -> None:
    bench = make(path=broken_model(tmp_path), parallel=2)
    for _ in range(3):
        _, finished = bench.ask()
        assert finished.reason is FinishReason.FAILED
        assert finished.error is not None and "NaN or infinity" in finished.error
    stats = bench.engine.stats()
    assert (stats.alive, stats.running, stats.queued) == (True, 0, 0)


def test_a_context_that_is_made_again_continues_with_every_answer(
    make: type[StarterBench], fresh: StarterBench
) -> None:
    bench = make(parallel=3)
    prompts = [bench.render(f"{number}. {TEXT}") for number in range(3)]
    submit_together(bench, prompts, max_tokens=60, **SEEDED, **bench.never_ending)
    bench.model.gate.step(15)
    bench.recorder.wait_for_tokens("2", 10)
    bench.model.gate.wait_until_held()
    bench.model.failures = 1
    bench.model.gate.open()
    for number, prompt in enumerate(prompts):
        assert bench.recorder.finished(str(number)).reason is FinishReason.LENGTH
        assert bench.recorder.tokens(str(number)) == undisturbed(fresh, prompt, **SEEDED, **bench.never_ending)
    assert bench.model.failures == 0


def test_stops_in_every_phase_beside_others_harm_none(make: type[StarterBench], fresh: StarterBench) -> None:
    bench = make(parallel=4)
    dice = random.Random(1)
    expected = undisturbed(fresh, bench.prompt(), **GREEDY, **bench.never_ending)
    for round in range(4):
        bench.submit(f"kept {round}", **GREEDY, max_tokens=60, **bench.never_ending)
        stopped = [f"stopped {round} {number}" for number in range(6)]
        for id in stopped:
            bench.submit(id, bench.long_prompt(id)[: dice.choice((30, 600))], **bench.never_ending)
        bench.recorder.wait_for_pieces(f"kept {round}", dice.randrange(1, 20))
        for id in dice.sample(stopped, len(stopped)):
            assert bench.cancel(id).reason is FinishReason.CANCELLED
        bench.recorder.finished(f"kept {round}")
        assert bench.recorder.tokens(f"kept {round}") == expected
    stats = bench.engine.stats()
    assert (stats.running, stats.queued, stats.kv_tokens) == (0, 0, 0)
