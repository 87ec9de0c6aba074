"""Drafts: read while nothing else is computed, reused by their owner, and forgotten."""

import time
from collections.abc import Callable, Iterator

import pytest

from server.engine.base import Draft, Finished, GenerationRequest, SamplingParams
from server.engine.drafts import MOST_DRAFTS, Drafts
from server.engine.model import DecodeError
from server.engine.prefill_budget import SMALLEST_READING_CHUNK
from server.engine.step_turns import StepTurns
from server.engine.worker import BatchingEngine
from tests.server.engine.recorder import DEADLINE, Recorder
from tests.server.engine.scripted_model import ScriptedModel

A, B, C = (list(letter * 200) for letter in (b"a", b"b", b"c"))
TAIL = list(b"?!")


def draft(tokens: list[int], key: str = "d", principal: str = "p") -> Draft:
    return Draft(key=key, principal=principal, tokens=tuple(tokens))


def until(condition: Callable[[], bool]) -> None:
    """Wait until another thread has made ``condition`` true."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.001)


class Reading:
    """An engine over a scripted model."""

    def __init__(self, slots: int = 2, kv_tokens: int | None = None, turns: StepTurns | None = None) -> None:
        self.model = ScriptedModel(slots=slots, kv_tokens=kv_tokens, answer_tokens=5)
        self.engine = BatchingEngine(self.model, turns=turns)
        self.recorder = Recorder()
        self.engine.start(self.recorder.listen)

    def read(self, *drafts: Draft) -> None:
        """Read drafts to their end."""
        for each in drafts:
            self.engine.read_ahead(each)
        until(lambda: self.idle)

    @property
    def idle(self) -> bool:
        """True while the engine's thread waits and has nothing to do."""
        wake = self.engine._wake
        with wake:
            return bool(wake._waiters) and not self.engine._inbox and not self.engine._has_work  # type: ignore[attr-defined]

    def submit(self, id: str, prompt: list[int], principal: str = "p") -> None:
        self.engine.submit(
            GenerationRequest(
                id=id, prompt=tuple(prompt), sampling=SamplingParams(), received=time.monotonic(), principal=principal
            )
        )

    def answered(self, id: str, prompt: list[int], principal: str = "p") -> Finished:
        self.submit(id, prompt, principal)
        return self.recorder.finished(id)

    @property
    def firsts(self) -> list[int]:
        """First token of each batch."""
        return [batch[0].token for batch in self.model.batches]

    def close(self) -> None:
        self.model.gate.open()
        self.engine.close()


@pytest.fixture
def reading() -> Iterator[Reading]:
    reading = Reading()
    yield reading
    reading.close()


def test_a_prompt_reuses_the_draft_that_it_begins_with(reading: Reading) -> None:
    reading.read(draft(A))
    assert reading.answered("a", [*A, *TAIL]).usage.cached_tokens == len(A)
    assert reading.engine.stats().draft_tokens == len(A)


def test_a_draft_is_read_in_chunks_of_at_least_two_tokens(reading: Reading) -> None:
    reading.read(draft(A[: SMALLEST_READING_CHUNK * 2 + 1]))
    assert [len(batch) for batch in reading.model.batches] == [SMALLEST_READING_CHUNK * 2 - 1, 2]
    reading.read(draft(A[: SMALLEST_READING_CHUNK * 2 + 2]))  # one more is not worth a step
    assert len(reading.model.batches) == 2


def test_another_principal_gets_nothing_of_a_draft(reading: Reading) -> None:
    reading.read(draft(A))
    assert reading.answered("a", [*A, *TAIL], "other").usage.cached_tokens == 0


def test_a_request_ends_the_step_that_reads_a_draft(reading: Reading) -> None:
    reading.model.gate.close()
    reading.engine.read_ahead(draft(A))
    reading.model.gate.wait_until_held()
    reading.submit("b", B)
    until(lambda: bool(reading.recorder.of("b")))  # it has a slot, while the gate is still closed
    assert reading.model.rows_computed == 0
    reading.model.gate.open()
    reading.recorder.finished("b")
    assert reading.firsts[0] == B[0]
    until(lambda: reading.idle)
    assert reading.firsts[-1] == A[0]


def test_a_request_lets_a_step_end_that_reads_its_own_beginning(reading: Reading) -> None:
    reading.model.gate.close()
    reading.engine.read_ahead(draft(A))
    reading.model.gate.wait_until_held()
    reading.submit("a", [*A, *TAIL])
    reading.model.gate.open()
    assert reading.recorder.finished("a").usage.cached_tokens == 2 * SMALLEST_READING_CHUNK
    assert reading.model.rows_computed == len(A) + len(TAIL) + 5


@pytest.mark.parametrize(("prompt", "principal"), [([*A, *TAIL], "other"), (A[:100], "p"), ([*A[:100], *B], "p")])
def test_a_request_ends_a_step_that_reads_what_it_does_not_need(
    reading: Reading, prompt: list[int], principal: str
) -> None:
    reading.model.gate.close()
    reading.engine.read_ahead(draft(A))
    reading.model.gate.wait_until_held()
    reading.submit("b", prompt, principal)
    until(lambda: bool(reading.recorder.of("b")))  # it has a slot, while the gate is still closed
    assert reading.model.rows_computed == 0


def test_stop_ends_a_step_of_a_draft_that_its_request_waits_for(reading: Reading) -> None:
    reading.model.gate.close()
    reading.engine.read_ahead(draft(A))
    reading.model.gate.wait_until_held()
    reading.submit("a", [*A, *TAIL])
    reading.engine.cancel("a", time.monotonic())
    assert reading.recorder.finished("a").reason == "cancelled"  # while the gate is still closed
    assert reading.model.rows_computed == 0


def test_no_step_has_tokens_of_a_draft_while_an_answer_runs(reading: Reading) -> None:
    reading.model.gate.close()
    reading.submit("b", B)
    reading.model.gate.wait_until_held()
    reading.engine.read_ahead(draft(A))
    reading.model.gate.open()
    reading.recorder.finished("b")
    until(lambda: reading.idle)
    mixed = [batch for batch in reading.model.batches if {row.token for row in batch} & {A[0]}]
    assert all({row.token for row in batch} == {A[0]} for batch in mixed)
    assert reading.firsts.index(A[0]) == len(reading.firsts) - len(mixed)


def test_a_changed_draft_keeps_the_tokens_that_agree(reading: Reading) -> None:
    reading.read(draft([*A, *B]))
    reading.read(draft([*A, *B, *B]))
    assert reading.model.rows_computed == 600
    reading.read(draft([*A, *C]))
    assert reading.model.rows_computed == 800
    assert reading.model.held_tokens == 400


def test_the_newest_draft_is_read_first(reading: Reading) -> None:
    reading.model.gate.close()
    reading.engine.read_ahead(draft(A, "a"))
    reading.model.gate.wait_until_held()
    reading.engine.read_ahead(draft(B, "b"))
    reading.model.gate.open()
    until(lambda: reading.idle)
    read = reading.firsts
    assert read.index(B[0]) == 1
    assert read[-1] == A[0]


def test_a_forgotten_draft_leaves_the_kv_cache(reading: Reading) -> None:
    reading.read(draft(A))
    reading.engine.forget_draft("d")
    reading.engine.forget_draft("unknown")
    until(lambda: reading.idle)
    assert reading.model.held_tokens == 0
    assert reading.answered("a", [*A, *TAIL]).usage.cached_tokens == 0


def test_a_request_before_the_forgetting_reuses_the_draft(reading: Reading) -> None:
    reading.model.gate.close()
    reading.engine.read_ahead(draft(A))
    reading.model.gate.step(2)
    until(lambda: reading.model.rows_computed == len(A))
    with reading.engine._wake:  # both commands come at once
        reading.submit("a", [*A, *TAIL])
        reading.engine.forget_draft("d")
    reading.model.gate.open()
    assert reading.recorder.finished("a").usage.cached_tokens == len(A)
    until(lambda: reading.idle)


def test_a_draft_replaced_before_its_forgetting_is_read(reading: Reading) -> None:
    reading.read(draft(A))
    with reading.engine._wake:
        reading.engine.forget_draft("d")
        reading.engine.read_ahead(draft([*A, *B]))
    until(lambda: reading.idle)
    assert reading.model.rows_computed == 400


def test_a_draft_that_makes_a_batch_fail_harms_nothing_else(reading: Reading) -> None:
    reading.answered("b", B)
    reading.model.failures.append(DecodeError("broken"))
    reading.read(draft(A))
    assert reading.engine.stats().draft_tokens == 0
    assert reading.answered("c", C).usage.cached_tokens == 0
    assert reading.engine.stats().alive


def test_a_draft_that_does_not_fit_the_kv_cache_is_given_up() -> None:
    reading = Reading(kv_tokens=300)
    try:
        reading.read(draft([*A, *B]))
        assert reading.answered("c", C).usage.prompt_tokens == len(C)
    finally:
        reading.close()


def test_drafts_of_one_slot_take_it_from_each_other_once() -> None:
    reading = Reading(slots=1)
    try:
        reading.read(draft(A, "a"))
        reading.read(draft(B, "b"))
        assert reading.model.rows_computed == 400
        assert reading.answered("b", [*B, *TAIL]).usage.cached_tokens == len(B)
        reading.read(draft(A, "a"))
        assert reading.model.kv[0][: len(A)] == A
    finally:
        reading.close()


def test_a_draft_waits_until_no_engine_has_work() -> None:
    turns = StepTurns()
    busy, other = Reading(turns=turns), Reading(turns=turns)
    try:
        other.model.gate.close()
        other.engine.read_ahead(draft(A))
        other.model.gate.wait_until_held()
        busy.model.gate.close()
        busy.submit("b", B)  # ends the other engine's step
        busy.model.gate.wait_until_held()
        other.model.gate.open()
        assert other.model.rows_computed == 0
        busy.model.gate.open()
        busy.recorder.finished("b")
        until(lambda: other.idle)
        assert other.model.rows_computed == len(A)
    finally:
        busy.close()
        other.close()


def test_a_closed_engine_ignores_drafts(reading: Reading) -> None:
    reading.close()
    reading.engine.read_ahead(draft(A))
    reading.engine.forget_draft("d")
    assert reading.model.rows_computed == 0


def test_the_oldest_of_too_many_drafts_is_forgotten() -> None:
    drafts = Drafts()
    assert [drafts.put(draft(A, str(number))) for number in range(MOST_DRAFTS)] == [None] * MOST_DRAFTS
    assert drafts.put(draft(B, "1")) is None
    assert drafts.put(draft(A, "more")) == "0"
    assert next(iter(drafts)) == "2"
