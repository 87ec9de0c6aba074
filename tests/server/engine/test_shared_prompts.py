"""Prompts with a shared beginning that arrive together: one sequence reads it, and the others get a copy of its KV.

The scripted model raises if a slot doesn't hold the expected tokens.
"""

import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.engine.base import Finished, FinishReason, GenerationRequest, Phase, Piece, Prefill, SamplingParams, Update
from server.engine.batcher import Batcher
from server.engine.model import DecodeError, Row
from server.engine.options import EngineOptions
from server.engine.prefix_cache import WORTH_MOVING
from server.engine.scheduler import FILLER
from server.engine.worker import BatchingEngine
from tests.server.engine.recorder import Recorder, submit
from tests.server.engine.scripted_model import ScriptedModel, scripted_tokens

SEED = 5
SHARED = [65] * 1000


def own(number: int, length: int = 10) -> list[int]:
    """Return the part of a prompt that no other number's prompt has."""
    return [100 + number] * length


class Steps:
    """A batcher over the scripted model, without a thread: a test computes each step."""

    def __init__(self, options: EngineOptions | None = None, **model: Any) -> None:
        self.model = ScriptedModel(**{"slots": 8, **model})
        self.updates: list[Update] = []
        self.batcher = Batcher(self.model, options or EngineOptions(), self.updates.extend)
        self.prompts: dict[str, list[int]] = {}
        self.written: dict[str, int] = {}

    def add(self, id: str, prompt: list[int], *, written: int = 0, **sampling: Any) -> None:
        self.prompts[id], self.written[id] = prompt, written
        params = SamplingParams(**{"seed": SEED, "max_tokens": 20, **sampling})
        before = tuple(scripted_tokens(prompt, SEED, written))
        self.batcher.add(
            GenerationRequest(id=id, prompt=tuple(prompt), sampling=params, received=time.monotonic(), written=before)
        )

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.batcher.step(lambda: False)

    def run(self) -> None:
        """Compute until every generation has ended, and check the answer of each that was not stopped."""
        for _ in range(10_000):
            if self.batcher.idle:
                break
            self.step()
        assert self.batcher.idle, "generations are left that make no progress"
        for id in self.prompts:
            if self.finished(id).reason in (FinishReason.STOP, FinishReason.LENGTH):
                self.assert_answer(id)
            self.assert_states_never_go_back(id)

    def of(self, id: str) -> list[Update]:
        return [update for update in self.updates if update.id == id]

    def finished(self, id: str) -> Finished:
        (last,) = (update for update in self.of(id) if isinstance(update, Finished))
        return last

    def cached(self, *ids: str) -> list[int]:
        return [self.finished(id).usage.cached_tokens for id in ids]

    def progress(self, id: str) -> list[int]:
        return [update.done for update in self.of(id) if isinstance(update, Prefill)]

    def tokens(self, id: str) -> list[int]:
        return [token for update in self.of(id) if isinstance(update, Piece) for token in update.tokens]

    def read(self) -> int:
        """Return how many prompt tokens were computed."""
        return self.batcher.stats.prompt_tokens

    def assert_answer(self, id: str) -> None:
        """The last tokens may be untold: those of a character that is not complete."""
        told, written = self.tokens(id), self.written[id]
        expected = scripted_tokens(self.prompts[id], SEED, self.finished(id).usage.completion_tokens)[written:]
        assert told == expected[: len(told)]
        assert len(expected) - len(told) < 4

    def assert_states_never_go_back(self, id: str) -> None:
        read = self.progress(id)
        assert read == sorted(set(read))
        order = [type(update).__name__ for update in self.of(id)]
        assert order == sorted(order, key=["Queued", "Prefill", "Piece", "Finished"].index)


def together(count: int = 8, shared: list[int] = SHARED, **model: Any) -> Steps:
    """Return ``count`` sequences that share a beginning, before the first step."""
    steps = Steps(**model)
    for number in range(count):
        steps.add(str(number), shared + own(number))
    return steps


def rows_of(batch: list[Row]) -> dict[int, list[Row]]:
    """Return the rows of each slot, without filler rows."""
    rows: dict[int, list[Row]] = {}
    for row in batch:
        if row.token != FILLER:
            rows.setdefault(row.slot, []).append(row)
    return rows


# What is computed


def test_a_shared_beginning_is_read_once() -> None:
    steps = together()
    steps.run()
    assert steps.read() == 1000 + 8 * 10 <= 1.1 * 1010
    assert steps.cached(*map(str, range(8))) == [0, *[1000] * 7]
    assert steps.batcher.stats.cached_tokens == 7 * 1000


def test_equal_prompts_are_read_once() -> None:
    steps = Steps()
    for number in range(8):
        steps.add(str(number), SHARED)
    steps.run()
    assert steps.read() == 998 + 8 * 2


def test_prompts_that_arrive_while_the_first_is_read_wait_for_its_rest() -> None:
    steps = together(1)
    steps.step()
    assert 0 < steps.progress("0")[-1] < 1000
    for number in range(1, 8):
        steps.add(str(number), SHARED + own(number))
    steps.run()
    assert steps.read() == 1000 + 8 * 10


def test_each_branch_of_a_tree_of_beginnings_is_read_once() -> None:
    steps = Steps()
    for number in range(8):
        steps.add(str(number), SHARED[:500] + own(50 + number % 2, 300) + own(number))
    steps.run()
    assert steps.read() == 500 + 2 * 300 + 8 * 10
    assert steps.cached(*map(str, range(8))) == [0, 500, *[800] * 6]


def test_a_few_more_shared_tokens_are_not_waited_for() -> None:
    """Six of seven prompts share 10 tokens more with each other than with the first."""
    steps = together(1)
    for number in range(1, 7):
        steps.add(str(number), SHARED + own(99) + own(number))
    steps.run()
    assert steps.cached(*map(str, range(1, 7))) == [1000] * 6


def test_a_beginning_is_read_once_for_more_chats_than_slots() -> None:
    steps = together(8, slots=3)
    steps.run()
    assert steps.read() == 1000 + 8 * 10


def test_answers_that_resume_together_share_their_beginning() -> None:
    for temperature in (0.0, 0.8):
        steps = Steps()
        for number in range(4):
            steps.add(str(number), SHARED + own(number), written=5, temperature=temperature)
        steps.run()
        assert steps.cached(*map(str, range(4))) == [0, 1000, 1000, 1000]
        assert steps.read() < 1000 + 4 * (10 + 5) + 4


def test_a_kept_beginning_is_continued_by_one_and_waited_for_by_the_others() -> None:
    steps = Steps()
    steps.add("before", SHARED[:500] + own(99, 2))
    steps.run()
    for number in range(3):
        steps.add(str(number), SHARED + own(number))
    before = steps.read()
    steps.run()
    assert steps.read() - before == 500 + 3 * 10
    assert steps.cached("0", "1", "2") == [500, 1000, 1000]


def test_a_model_that_can_only_drop_whole_slots_shares_too(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = together(4)
    forget, kv = steps.model.forget, steps.model.kv
    monkeypatch.setattr(
        steps.model, "forget", lambda slot, start=0: start in (0, len(kv.get(slot, ()))) and forget(slot, start)
    )
    steps.run()
    assert steps.read() == 1000 + 4 * 10


def test_a_copy_that_does_not_fit_is_read_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = together(3)
    monkeypatch.setattr(steps.model, "copy", lambda source, target: False)
    steps.run()
    assert steps.read() == 3 * 1010
    assert steps.cached("0", "1", "2") == [0, 0, 0]


# What is reported


def test_progress_of_a_waiting_prompt_is_that_of_the_shared_beginning() -> None:
    steps = together(3)
    steps.run()
    for id in ("1", "2"):
        assert steps.progress(id) == [*(done for done in steps.progress("0") if done <= 1000), 1010]
        assert len(steps.progress(id)) > 3


def test_waiting_prompt_is_cancelled_in_prefill() -> None:
    steps = together(3)
    steps.step(2)
    steps.batcher.cancel("1", time.monotonic())
    assert (steps.finished("1").reason, steps.finished("1").phase) == (FinishReason.CANCELLED, Phase.PREFILL)
    assert steps.cached("1") == [0]
    steps.run()
    assert steps.read() == 1000 + 2 * 10


def test_cancel_of_a_waiting_prompt_aborts_the_step_that_runs() -> None:
    model, recorder = ScriptedModel(slots=2), Recorder()
    engine = BatchingEngine(model)
    engine.start(recorder.listen)
    model.gate.close()
    submit(engine, "reads", SHARED + own(0), seed=SEED)
    model.gate.wait_until_held()
    submit(engine, "waits", SHARED + own(1), seed=SEED)
    model.gate.step(2)
    recorder.wait_for_prefill("waits", 1)
    model.gate.wait_until_held()
    engine.cancel("waits", time.monotonic())
    finished = recorder.finished("waits")
    assert (finished.reason, finished.phase) == (FinishReason.CANCELLED, Phase.PREFILL)
    model.gate.open()
    assert recorder.finished("reads").reason is FinishReason.STOP
    assert recorder.tokens("reads") == scripted_tokens(SHARED + own(0), SEED, 40)[: len(recorder.tokens("reads"))]
    engine.close()


# The end of the one that reads


def test_the_next_takes_over_from_a_cancelled_prompt() -> None:
    steps = together(4)
    steps.step(2)
    steps.batcher.cancel("0", time.monotonic())
    done = steps.progress("0")[-1]
    assert WORTH_MOVING < done < 1000
    steps.run()
    assert steps.read() == 1000 + 3 * 10
    assert steps.cached("1", "2", "3") == [done, 1000, 1000]


def test_the_next_begins_again_after_a_failure() -> None:
    steps = together(3)
    steps.step()
    steps.model.failures.append(DecodeError("out of memory"))
    done = steps.progress("0")[-1]
    steps.run()
    assert steps.finished("0").reason is FinishReason.FAILED
    assert [steps.finished(id).reason for id in ("1", "2")] == [FinishReason.LENGTH] * 2
    assert steps.read() == done + 1000 + 2 * 10
    assert steps.cached("1", "2") == [0, 1000]


# Beside others


def test_another_prompt_is_read_meanwhile() -> None:
    steps = together(4)
    steps.step()
    steps.add("other", [66] * 20)
    steps.step()
    assert steps.tokens("other")
    assert steps.progress("0")[-1] < 1000
    steps.run()


def test_the_slot_of_a_waiting_prompt_between_two_answers_leaves_no_gap_in_the_batch() -> None:
    steps = Steps(slots=4)
    for id in ("left", "between", "right"):
        steps.add(id, [*id.encode()] * 10, max_tokens=1 if id == "between" else 100)
    steps.step(12)
    steps.finished("between")
    for id in ("reads", "waits"):
        steps.add(id, [*SHARED, *id.encode()])
    steps.step()
    assert rows_of(steps.model.batches[-1]).keys() == {0, 2, 3}
    assert {row.slot for row in steps.model.batches[-1]} == {0, 1, 2, 3}
    steps.run()
    assert steps.cached("waits") == [1000]


def test_a_full_shared_kv_cache_changes_no_answer() -> None:
    steps = together(6, shared=[65] * 100, kv_tokens=250)
    steps.run()
    assert {steps.finished(id).reason for id in steps.prompts} == {FinishReason.LENGTH}
    assert steps.batcher.stats.preemptions > 0


def test_shared_beginnings_and_a_shifted_context_do_not_mix() -> None:
    steps = Steps(EngineOptions(context_shift=True), context=128, answer_tokens=200)
    for number in range(4):
        steps.add(str(number), [65] * 90 + own(number), max_tokens=None)
    steps.run()
    assert steps.model.shifts >= 4
    assert steps.read() == 90 + 4 * 10
    assert [steps.finished(id).usage.completion_tokens for id in steps.prompts] == [200] * 4


# Any prompts

runs = st.lists(st.tuples(st.integers(1, 3), st.sampled_from([1, 20, 64, 130])), min_size=1, max_size=4)


@given(
    st.lists(runs, min_size=1, max_size=10),
    st.integers(1, 8),
    st.sampled_from([None, 600, 1500]),
    st.sampled_from([0.0, 0.8]),
    st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=150)
def test_whatever_arrives_and_ends_when_every_answer_is_right(
    prompts: list[list[tuple[int, int]]], slots: int, kv_tokens: int | None, temperature: float, dice: random.Random
) -> None:
    steps = Steps(slots=slots, kv_tokens=kv_tokens, context=600)
    for number, parts in enumerate(prompts):
        prompt = [token for token, length in parts for _ in range(length)]
        steps.add(str(number), prompt, temperature=temperature, max_tokens=dice.choice((1, 5, 20)))
        if dice.random() < 0.3:
            steps.step(dice.randrange(3))
        if dice.random() < 0.1:
            steps.batcher.cancel(str(dice.randrange(number + 1)), time.monotonic())
        if dice.random() < 0.1:
            steps.model.failures.append(DecodeError("out of memory"))
    steps.run()
    assert steps.model.held_tokens == steps.batcher._kv.kept_tokens
