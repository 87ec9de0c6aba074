"""The batcher over the scripted model, which raises if the KV cache doesn't hold the expected tokens."""

import time
from collections.abc import Iterator

import pytest

from server.engine.base import Finished, FinishReason, Limit, ModelError, Phase, Prefill
from server.engine.batcher import FAULTS_ALLOWED
from server.engine.model import DecodeError
from server.engine.options import EngineOptions
from server.engine.scheduler import FILLER
from server.engine.worker import BatchingEngine
from tests.server.engine.recorder import Recorder, submit
from tests.server.engine.scripted_model import ScriptedModel, scripted_tokens

SEED = 5


class Bench:
    """A scripted model in a running engine with a recorder. Its gate is closed until a test opens it."""

    def __init__(self, options: EngineOptions | None = None, **model: int) -> None:
        self.model = ScriptedModel(**model)
        self.engine = BatchingEngine(self.model, options)
        self.recorder = Recorder()
        self.engine.start(self.recorder.listen)
        self.model.gate.close()

    def submit(self, id: str, prompt: str | None = None, **sampling: object) -> None:
        submit(self.engine, id, list((prompt or id).encode()), seed=SEED, **sampling)

    def answer(self, prompt: str, count: int = 40) -> str:
        tokens = scripted_tokens(list(prompt.encode()), SEED, count)
        return b"".join(map(self.model.piece, tokens)).decode("utf-8", "ignore")

    def cancel(self, id: str) -> Finished:
        self.engine.cancel(id, time.monotonic())
        return self.recorder.finished(id)

    def assert_nothing_is_held(self) -> None:
        stats = self.engine.stats()
        assert (stats.alive, stats.running, stats.queued, stats.kv_tokens) == (True, 0, 0, 0)
        assert self.model.held_tokens == stats.kept_tokens

    def assert_states_never_go_back(self, id: str) -> None:
        updates = self.recorder.of(id)
        read = [update.done for update in updates if isinstance(update, Prefill)]
        assert read == sorted(set(read))
        order = [type(update).__name__ for update in updates]
        assert order == sorted(order, key=["Queued", "Prefill", "Piece", "Finished"].index)


@pytest.fixture
def make() -> Iterator[type[Bench]]:
    """Make a ``Bench``, which the end of the test closes."""
    made: list[Bench] = []

    class Closed(Bench):
        def __init__(self, options: EngineOptions | None = None, **model: int) -> None:
            super().__init__(options, **model)
            made.append(self)

    yield Closed
    for bench in made:
        bench.model.gate.open()
        bench.engine.close()


# No room in a shared KV cache


def test_the_youngest_makes_room_and_is_resumed_with_nothing_lost(make: type[Bench]) -> None:
    bench = make(slots=3, kv_tokens=100)
    ids = ("first", "second", "third")
    for id in ids:
        bench.submit(id, id * 3)
    bench.model.gate.open()
    for id in ids:
        finished = bench.recorder.finished(id)
        assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.STOP, 40)
        assert bench.recorder.text(id) == bench.answer(id * 3)
        bench.assert_states_never_go_back(id)
    assert bench.engine.stats().preemptions >= 1
    ended = [bench.recorder.ended(id) for id in ids]
    assert ended == sorted(ended)
    bench.assert_nothing_is_held()


def test_a_stop_string_is_held_back_across_a_preemption(make: type[Bench]) -> None:
    bench = make(slots=2, kv_tokens=50)
    answer = bench.answer("young")
    stop = answer[20:60]
    bench.submit("older")
    bench.submit("young", stop=(stop,))
    bench.model.gate.open()
    assert bench.recorder.finished("young").reason is FinishReason.STOP
    assert bench.recorder.text("young") == answer[:20]
    assert bench.engine.stats().preemptions >= 1


def test_prompt_sent_back_is_read_again_without_losing_progress(make: type[Bench]) -> None:
    bench = make(slots=2, kv_tokens=1000, answer_tokens=60)
    bench.submit("a", "a" * 500)
    bench.submit("b", "b" * 480)
    bench.model.gate.open()
    for id, length in (("a", 500), ("b", 480)):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == bench.answer(id * length, 60)
        bench.assert_states_never_go_back(id)
    assert bench.engine.stats().preemptions >= 1


def test_sequence_sent_back_is_cancelled_in_its_phase(make: type[Bench]) -> None:
    bench = make(slots=2, kv_tokens=60)
    bench.submit("older")
    bench.submit("young")
    while not bench.engine.stats().preemptions:
        bench.model.gate.wait_until_held()
        bench.model.gate.step()
        bench.model.gate.wait_until_held()
    bench.engine.cancel("young", time.monotonic())
    bench.model.gate.open()
    finished = bench.recorder.finished("young")
    assert (finished.reason, finished.phase) == (FinishReason.CANCELLED, Phase.DECODE)
    assert finished.usage.completion_tokens < 40
    assert bench.recorder.finished("older").reason is FinishReason.STOP
    assert bench.recorder.text("older") == bench.answer("older")
    bench.assert_nothing_is_held()


def test_a_newcomer_waits_behind_the_one_that_was_sent_back(make: type[Bench]) -> None:
    bench = make(slots=2, kv_tokens=60)
    bench.submit("older")
    bench.submit("young")
    while not bench.engine.stats().preemptions:
        bench.model.gate.wait_until_held()
        bench.model.gate.step()
        bench.model.gate.wait_until_held()
    bench.submit("new")
    bench.model.gate.open()
    for id in ("older", "young", "new"):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == bench.answer(id)
    assert bench.recorder.ended("young") < bench.recorder.ended("new")


def test_kept_tokens_are_dropped_before_a_sequence_is_sent_back(make: type[Bench]) -> None:
    bench = make(slots=3, kv_tokens=100)
    bench.model.gate.open()
    for id in ("one", "two", "three", "four"):
        bench.submit(id)
        assert bench.recorder.finished(id).reason is FinishReason.STOP
    assert bench.engine.stats().preemptions == 0
    bench.assert_nothing_is_held()


def test_lone_answer_that_fills_the_cache_ends_at_the_context_limit(make: type[Bench]) -> None:
    bench = make(slots=2, kv_tokens=30)
    bench.model.gate.open()
    bench.submit("alone", "alone")
    finished = bench.recorder.finished("alone")
    assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.CONTEXT)
    assert bench.recorder.text("alone") == bench.answer("alone", finished.usage.completion_tokens)
    bench.assert_nothing_is_held()


# Limits


def test_max_tokens_is_named_as_the_limit(make: type[Bench]) -> None:
    bench = make()
    bench.model.gate.open()
    bench.submit("a", max_tokens=7)
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.MAX_TOKENS)


def test_a_full_context_ends_an_answer_or_is_shifted(make: type[Bench]) -> None:
    ends, shifts = make(context=32), make(EngineOptions(context_shift=True), context=32, answer_tokens=200)
    for bench in (ends, shifts):
        bench.model.gate.open()
        bench.submit("a", "prompt")
    finished = ends.recorder.finished("a")
    assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.CONTEXT)
    finished = shifts.recorder.finished("a")
    assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.STOP, 200)
    assert shifts.recorder.text("a") == shifts.answer("prompt", 200)
    assert shifts.model.shifts > 5


def test_shifted_context_is_not_reused(make: type[Bench]) -> None:
    bench = make(EngineOptions(context_shift=True), context=128, answer_tokens=200, slots=2)
    prompt = "x" * 100
    bench.submit("shifted", prompt)
    bench.model.gate.step(60)
    bench.recorder.wait_for_tokens("shifted", 50)
    bench.model.gate.wait_until_held()
    assert bench.model.shifts
    bench.submit("same beginning", prompt)
    bench.model.gate.open()
    for id in ("shifted", "same beginning"):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == bench.answer(prompt, 200)
    assert bench.recorder.finished("same beginning").usage.cached_tokens <= 4
    assert bench.engine.stats().kept_tokens <= 8


@pytest.mark.parametrize("written", [10, 26, 60, 150])
def test_a_shifted_answer_continues_after_what_was_written(make: type[Bench], written: int) -> None:
    bench = make(EngineOptions(context_shift=True), context=32, answer_tokens=200)
    bench.model.shifts = 1
    bench.model.gate.open()
    prompt = list(b"prompt")
    tokens = scripted_tokens(prompt, SEED, 200)
    submit(bench.engine, "a", prompt, seed=SEED, written=tuple(tokens[:written]))
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.STOP, 200)
    told = bench.recorder.tokens("a")
    assert told == tokens[written:][: len(told)] != []


# The prefix cache, by what is computed


def test_a_next_turn_reads_only_what_is_new(make: type[Bench]) -> None:
    bench = make()
    bench.model.gate.open()
    bench.submit("one", "a question")
    bench.recorder.finished("one")
    first = scripted_tokens(list(b"a question"), SEED, 40)
    submit(bench.engine, "two", [*b"a question", *first, *b" and another"], seed=SEED)
    # The answer's last token was chosen, and END after it was computed from it: so all of both are there.
    assert bench.recorder.finished("two").usage.cached_tokens == len("a question") + 40


def test_the_same_prompt_again_computes_one_token_of_it(make: type[Bench]) -> None:
    bench = make()
    bench.model.gate.open()
    for id in ("one", "two"):
        bench.submit(id, "p" * 300)
        bench.recorder.finished(id)
    assert bench.recorder.finished("two").usage.cached_tokens == 299
    assert bench.recorder.of("two")[0] == Prefill("two", 299, 300)
    assert bench.recorder.text("two") == bench.recorder.text("one")


def test_a_shared_beginning_is_taken_from_one_that_still_runs(make: type[Bench]) -> None:
    bench = make(slots=2)
    bench.submit("one", "s" * 100 + "one")
    bench.model.gate.step()
    bench.recorder.wait_for_pieces("one")
    bench.submit("two", "s" * 100 + "two")
    bench.model.gate.open()
    assert bench.recorder.finished("two").usage.cached_tokens == 100
    for id in ("one", "two"):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == bench.answer("s" * 100 + id)


def test_evicted_tokens_are_restored_from_memory(make: type[Bench]) -> None:
    bench = make(slots=1)
    bench.model.gate.open()
    for id, prompt in (("a", "a" * 100), ("b", "b" * 100), ("a again", "a" * 100 + "more")):
        bench.submit(id, prompt)
        assert bench.recorder.finished(id).reason is FinishReason.STOP
    assert bench.recorder.finished("a again").usage.cached_tokens == 100
    assert bench.engine.stats().saved_bytes > 0


def test_without_a_budget_nothing_is_saved(make: type[Bench]) -> None:
    bench = make(EngineOptions(saved_bytes=0), slots=1)
    bench.model.gate.open()
    for id, prompt in (("a", "a" * 100), ("b", "b" * 100), ("a again", "a" * 100 + "more")):
        bench.submit(id, prompt)
        assert bench.recorder.finished(id).reason is FinishReason.STOP
    assert bench.recorder.finished("a again").usage.cached_tokens == 0
    assert bench.engine.stats().saved_bytes == 0


def test_tokens_of_a_cancelled_prompt_are_reused(make: type[Bench]) -> None:
    bench = make()
    bench.submit("cancelled", "c" * 1500)
    bench.model.gate.step()
    bench.recorder.wait_for_prefill("cancelled", 1)
    bench.model.gate.wait_until_held()
    assert bench.cancel("cancelled").phase is Phase.PREFILL
    read = max(update.done for update in bench.recorder.of("cancelled") if isinstance(update, Prefill))
    bench.model.gate.open()
    bench.submit("again", "c" * 1500)
    assert bench.recorder.finished("again").usage.cached_tokens == read > 0
    assert bench.recorder.text("again") == bench.answer("c" * 1500)


def test_a_slot_between_two_others_is_as_it_was_left_when_it_is_needed(make: type[Bench]) -> None:
    bench = make(slots=3, answer_tokens=80)
    bench.submit("left", "l" * 40)
    bench.submit("between", "b" * 40, max_tokens=5)
    bench.submit("right", "r" * 40)
    bench.model.gate.step(20)
    bench.recorder.finished("between")
    bench.recorder.wait_for_tokens("left", 15)
    bench.model.gate.wait_until_held()
    assert any(row.slot == 1 and row.token == FILLER and not row.logits for row in bench.model.batches[-1])
    bench.submit("again", "b" * 40 + "and more")
    bench.model.gate.open()
    assert bench.recorder.finished("again").usage.cached_tokens == 40
    for id, prompt in (("left", "l" * 40), ("again", "b" * 40 + "and more"), ("right", "r" * 40)):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == bench.answer(prompt, 80)


# Faults


def test_only_the_one_at_fault_fails(make: type[Bench]) -> None:
    bench = make(slots=4)
    bench.model.poison = {7}
    for id in ("a", "b", "c"):
        bench.submit(id, id * 20)
    bench.submit("guilty", "g" * 20 + "\7")
    bench.model.gate.open()
    finished = bench.recorder.finished("guilty")
    assert (finished.reason, finished.error) == (FinishReason.FAILED, "a token of this batch is poison")
    for id in ("a", "b", "c"):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == bench.answer(id * 20)
        bench.assert_states_never_go_back(id)
    bench.assert_nothing_is_held()


def test_a_fault_while_others_write_leaves_their_texts_whole(make: type[Bench]) -> None:
    bench = make(slots=3)
    for id in ("a", "b"):
        bench.submit(id)
    bench.model.gate.step(12)
    bench.recorder.wait_for_tokens("a", 10)
    bench.model.gate.wait_until_held()
    bench.model.poison = {7}
    bench.submit("guilty", "g\7")
    bench.model.gate.open()
    assert bench.recorder.finished("guilty").reason is FinishReason.FAILED
    for id in ("a", "b"):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == bench.answer(id)


def test_no_numbers_for_one_harm_no_other(make: type[Bench]) -> None:
    bench = make(slots=2)
    bench.model.poisoned = {scripted_tokens(list(b"guilty"), SEED, 40)[5]}
    kept = next(
        word for word in map(str, range(1000))
        if not bench.model.poisoned & set(scripted_tokens(list(word.encode()), SEED, 40))
    )  # fmt: skip
    for id in ("guilty", kept):
        bench.submit(id)
    bench.model.gate.open()
    finished = bench.recorder.finished("guilty")
    assert finished.reason is FinishReason.FAILED
    assert finished.error is not None and "not numbers" in finished.error
    assert bench.recorder.finished(kept).reason is FinishReason.STOP
    assert bench.recorder.text(kept) == bench.answer(kept)
    bench.assert_nothing_is_held()


def test_repeated_faults_end(make: type[Bench]) -> None:
    bench = make(slots=3)
    bench.model.failures.extend(DecodeError("out of memory") for _ in range(100))
    for id in ("a", "b", "c"):
        bench.submit(id)
    bench.model.gate.open()
    for id in ("a", "b", "c"):
        assert bench.recorder.finished(id).reason is FinishReason.FAILED
    assert 100 - len(bench.model.failures) <= 3 * (FAULTS_ALLOWED + 1)
    bench.model.failures.clear()
    bench.submit("after")
    assert bench.recorder.finished("after").reason is FinishReason.STOP
    bench.assert_nothing_is_held()


def test_faults_in_a_full_kv_cache_end_too(make: type[Bench]) -> None:
    bench = make(slots=4, kv_tokens=300)
    bench.model.poison = {7}
    for id in ("a", "b", "c"):
        bench.submit(id, id * 90)
    bench.submit("guilty", "g" * 5 + "\7")
    bench.model.gate.open()
    assert bench.recorder.finished("guilty").reason is FinishReason.FAILED
    for id in ("a", "b", "c"):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == bench.answer(id * 90)


def test_a_suspect_can_be_cancelled(make: type[Bench]) -> None:
    bench = make(slots=2)
    bench.submit("a")
    bench.submit("b")
    bench.model.gate.wait_until_held()
    bench.model.failures.append(DecodeError("out of memory"))
    bench.model.gate.step()
    bench.model.gate.wait_until_held()
    for id in ("a", "b"):
        assert bench.cancel(id).reason is FinishReason.CANCELLED
    bench.model.gate.open()
    bench.submit("after")
    assert bench.recorder.finished("after").reason is FinishReason.STOP
    bench.assert_nothing_is_held()


def test_model_that_can_not_restart_ends_the_engine_and_all_answers(
    make: type[Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make(slots=2)

    def reset() -> None:
        raise ModelError("no room for it any more")

    monkeypatch.setattr(bench.model, "reset", reset)
    for id in ("a", "b", "waits"):
        bench.submit(id)
    bench.model.gate.wait_until_held()
    bench.model.failures.append(DecodeError("out of memory"))
    bench.model.gate.open()
    for id in ("a", "b", "waits"):
        finished = bench.recorder.finished(id)
        assert finished.reason is FinishReason.FAILED
        assert finished.error is not None and "no room for it any more" in finished.error
    assert not bench.engine.stats().alive
