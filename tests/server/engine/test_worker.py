"""The engine's thread over the scripted model: every phase and every end, with nothing left behind."""

import threading
import time
from collections.abc import Iterator

import pytest

from server.engine.base import (
    EngineDeadError,
    Finished,
    FinishReason,
    GenerationRequest,
    Phase,
    Piece,
    Prefill,
    Queued,
    SamplingParams,
)
from server.engine.detokenizer import Detokenizer
from server.engine.model import DecodeError, Row
from server.engine.worker import BatchingEngine
from tests.server.engine.recorder import DEADLINE, Recorder, submit
from tests.server.engine.scripted_model import ScriptedModel, scripted_tokens

PROMPT = list(b"hello")
SEED = 5


class Bench:
    """A scripted model in a running engine with a recorder."""

    def __init__(self, slots: int = 1) -> None:
        self.model = ScriptedModel(slots=slots)
        self.engine = BatchingEngine(self.model)
        self.recorder = Recorder()
        self.engine.start(self.recorder.listen)

    def submit(self, id: str, prompt: list[int] = PROMPT, **sampling: object) -> None:
        submit(self.engine, id, prompt, seed=SEED, **sampling)

    def answer(self, count: int = 40) -> str:
        return b"".join(map(self.model.piece, scripted_tokens(PROMPT, SEED, count))).decode("utf-8", "ignore")

    def assert_nothing_is_held(self) -> None:
        stats = self.engine.stats()
        assert (stats.running, stats.queued, stats.kv_tokens) == (0, 0, 0)
        assert self.model.held_tokens == stats.kept_tokens


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.model.gate.open()
    bench.engine.close()


@pytest.fixture
def wide() -> Iterator[Bench]:
    bench = Bench(slots=4)
    yield bench
    bench.model.gate.open()
    bench.engine.close()


def test_an_answer_is_read_written_and_ended_once(bench: Bench) -> None:
    bench.submit("a")
    finished = bench.recorder.finished("a")
    updates = bench.recorder.of("a")
    assert updates[:2] == [Prefill("a", 0, len(PROMPT)), Prefill("a", len(PROMPT), len(PROMPT))]
    assert [type(update) for update in updates].count(Finished) == 1
    assert bench.recorder.text("a") == bench.answer()
    assert (finished.reason, finished.phase, finished.error) == (FinishReason.STOP, Phase.DECODE, None)
    assert (finished.usage.prompt_tokens, finished.usage.completion_tokens) == (len(PROMPT), 40)
    bench.assert_nothing_is_held()


def test_timings_are_there_for_the_phases_that_were_reached_and_add_up(bench: Bench) -> None:
    bench.submit("a")
    timings = bench.recorder.finished("a").timings
    assert timings.stop is None
    assert timings.prefill is not None and timings.decode is not None and timings.first_token is not None
    assert timings.queued + timings.prefill == pytest.approx(timings.first_token)
    assert timings.first_token + timings.decode == pytest.approx(timings.total)


def test_max_tokens_ends_an_answer_with_length(bench: Bench) -> None:
    bench.submit("a", max_tokens=7)
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.LENGTH, 7)


def test_a_full_context_ends_an_answer_with_length() -> None:
    model = ScriptedModel(context=16)
    engine, recorder = BatchingEngine(model), Recorder()
    engine.start(recorder.listen)
    submit(engine, "a", PROMPT)
    finished = recorder.finished("a")
    engine.close()
    assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.LENGTH, 16 - len(PROMPT))


def test_a_stop_string_ends_an_answer_and_does_not_show(bench: Bench) -> None:
    before, _, _ = bench.answer().partition("step ")
    bench.submit("a", stop=("step ",))
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.stop_string) == (FinishReason.STOP, "step ")
    assert bench.recorder.text("a") == before


def test_characters_spelt_in_bytes_arrive_whole(bench: Bench) -> None:
    bench.submit("a")
    bench.recorder.finished("a")
    assert any(not update.text.isascii() for update in bench.recorder.of("a") if isinstance(update, Piece))
    assert "\ufffd" not in bench.recorder.text("a")


def test_pieces_tell_every_token_once_and_their_text_follows_from_the_tokens(bench: Bench) -> None:
    bench.submit("a")
    bench.recorder.finished("a")
    told = [token for piece in bench.recorder.of("a") if isinstance(piece, Piece) for token in piece.tokens]
    assert told == scripted_tokens(PROMPT, SEED, 40)[: len(told)]
    assert b"".join(map(bench.model.piece, told)).decode() == bench.recorder.text("a")


@pytest.mark.parametrize("written", [1, 17, 39])
def test_an_answer_continues_after_what_an_earlier_engine_wrote(bench: Bench, written: int) -> None:
    tokens = scripted_tokens(PROMPT, SEED, 40)
    submit(bench.engine, "a", PROMPT, written=tuple(tokens[:written]), seed=SEED)
    finished = bench.recorder.finished("a")
    before = Detokenizer().push(b"".join(map(bench.model.piece, tokens[:written])))
    assert before + bench.recorder.text("a") == bench.answer()
    assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.STOP, 40)
    assert finished.usage.prompt_tokens == len(PROMPT)


def test_an_answer_that_had_been_written_to_its_limit_ends_at_once(bench: Bench) -> None:
    written = tuple(scripted_tokens(PROMPT, SEED, 7))
    submit(bench.engine, "a", PROMPT, written=written, seed=SEED, max_tokens=7)
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.LENGTH, 7)
    bench.assert_nothing_is_held()


def test_waiting_requests_get_each_new_queue_position(bench: Bench) -> None:
    bench.model.gate.close()
    for id in "abc":
        bench.submit(id)
    bench.recorder.wait("c", lambda updates: updates == [Queued("c", 2)])
    bench.model.gate.open()
    bench.recorder.finished("c")
    first, second = (update for update in bench.recorder.of("c") if isinstance(update, Queued))
    assert (first, second.position) == (Queued("c", 2), 1)
    assert second.eta_ms is not None  # one has ended, so there is something to go by


def test_several_are_computed_in_the_same_steps(wide: Bench) -> None:
    wide.model.gate.close()
    wide.submit("first")
    wide.model.gate.wait_until_held()
    for id in "abc":
        wide.submit(id)
    wide.model.gate.open()
    for id in ("first", *"abc"):
        assert wide.recorder.finished(id).reason is FinishReason.STOP
        assert wide.recorder.text(id) == wide.answer()
    assert wide.recorder.steps < 100


def test_cancel_while_queued(bench: Bench) -> None:
    bench.model.gate.close()
    bench.submit("running")
    bench.submit("waiting")
    bench.recorder.wait("waiting", bool)
    bench.engine.cancel("waiting", time.monotonic())
    bench.model.gate.step()
    finished = bench.recorder.finished("waiting")
    assert (finished.reason, finished.phase) == (FinishReason.CANCELLED, Phase.QUEUED)
    assert finished.timings.stop is not None


def test_cancel_inside_prefill_gives_up_the_decode_that_runs(bench: Bench) -> None:
    bench.model.gate.close()
    bench.submit("a", [65] * 1000)
    bench.model.gate.step()
    bench.recorder.wait_for_prefill("a", 1)
    bench.model.gate.wait_until_held()
    computed = bench.model.rows_computed
    bench.engine.cancel("a", time.monotonic())
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.phase) == (FinishReason.CANCELLED, Phase.PREFILL)
    assert 0 < bench.model.rows_computed == computed < 1000
    bench.assert_nothing_is_held()


def test_cancel_while_writing_keeps_the_text_and_computes_no_more(bench: Bench) -> None:
    bench.model.gate.close()
    bench.submit("a")
    bench.model.gate.step(11)
    bench.recorder.wait_for_pieces("a")
    bench.model.gate.wait_until_held()
    bench.engine.cancel("a", time.monotonic())
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.phase) == (FinishReason.CANCELLED, Phase.DECODE)
    assert finished.usage.completion_tokens == bench.engine.stats().completion_tokens == 11
    assert bench.answer(11) == bench.recorder.text("a")
    bench.assert_nothing_is_held()


def test_cancel_of_one_leaves_the_others_of_its_batch_as_they_were(wide: Bench) -> None:
    wide.submit("kept")
    wide.model.gate.close()
    wide.submit("stopped", [65] * 1000)
    wide.model.gate.step(2)
    wide.recorder.wait_for_prefill("stopped", 1)
    wide.model.gate.wait_until_held()
    wide.engine.cancel("stopped", time.monotonic())
    assert wide.recorder.finished("stopped").reason is FinishReason.CANCELLED
    wide.model.gate.open()
    assert wide.recorder.finished("kept").reason is FinishReason.STOP
    assert wide.recorder.text("kept") == wide.answer()


def test_an_abort_that_comes_too_late_for_its_sequence_hurts_no_other(bench: Bench) -> None:
    bench.model.gate.close()
    bench.submit("a")
    bench.model.gate.wait_until_held()
    bench.model.abort()
    bench.model.gate.open()
    assert bench.recorder.finished("a").reason is FinishReason.STOP
    assert bench.recorder.text("a") == bench.answer()


def test_cancel_of_an_unknown_or_ended_one_is_ignored(bench: Bench) -> None:
    bench.engine.cancel("nobody", time.monotonic())
    bench.submit("a")
    bench.recorder.finished("a")
    bench.engine.cancel("a", time.monotonic())
    bench.submit("b")
    assert bench.recorder.finished("b").reason is FinishReason.STOP
    assert [type(update) for update in bench.recorder.of("a")].count(Finished) == 1


def test_a_batch_that_fails_ends_its_sequences_and_the_engine_continues(bench: Bench) -> None:
    bench.model.failures.append(DecodeError("out of memory"))
    bench.submit("a")
    failed = bench.recorder.finished("a")
    assert (failed.reason, failed.error) == (FinishReason.FAILED, "out of memory")
    bench.submit("b")
    assert bench.recorder.finished("b").reason is FinishReason.STOP
    bench.assert_nothing_is_held()


def test_a_thread_that_dies_leaves_nobody_waiting(bench: Bench) -> None:
    bench.model.gate.close()
    bench.submit("running")
    bench.submit("waiting")
    bench.model.gate.wait_until_held()
    bench.model.failures.append(RuntimeError("cosmic ray"))
    bench.submit("in the inbox")
    bench.model.gate.open()
    for id in ("running", "waiting", "in the inbox"):
        finished = bench.recorder.finished(id)
        assert finished.reason is FinishReason.FAILED
        assert finished.error is not None and "cosmic ray" in finished.error
    with pytest.raises(EngineDeadError, match="cosmic ray"):
        bench.submit("too late")
    stats = bench.engine.stats()
    assert (stats.alive, stats.failure) == (False, "RuntimeError: cosmic ray")


def engine_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "engine"]


def test_close_ends_the_open_ones_as_interrupted_and_the_thread(bench: Bench) -> None:
    bench.model.gate.close()
    for id in ("running", "waiting"):
        bench.submit(id)
    bench.model.gate.wait_until_held()
    threads = engine_threads()
    bench.engine.close()
    assert {bench.recorder.finished(id).reason for id in ("running", "waiting")} == {FinishReason.INTERRUPTED}
    assert len(engine_threads()) == len(threads) - 1


def test_requests_during_the_close_are_answered(bench: Bench) -> None:
    bench.model.gate.close()
    bench.submit("running")
    bench.model.gate.wait_until_held()
    closing = threading.Thread(target=bench.engine.close)
    closing.start()
    closing.join(DEADLINE)
    with pytest.raises(EngineDeadError, match="shutting down"):
        bench.submit("late")


# Many at once


def at(bench: Bench, id: str, received: float, prompt: int) -> None:
    params = SamplingParams(seed=SEED, max_tokens=12)
    tokens = tuple(b"x" * prompt)
    bench.engine.submit(GenerationRequest(id=id, prompt=tokens, sampling=params, received=received))


def slots_of(batch: list[Row]) -> set[int]:
    return {row.slot for row in batch}


def test_simultaneous_requests_get_their_first_tokens_first(wide: Bench) -> None:
    now = time.monotonic()
    wide.model.gate.close()
    for n in range(4):
        at(wide, str(n), now, 100)
    wide.model.gate.open()
    for n in range(4):
        wide.recorder.finished(str(n))
    reads = [batch for batch in wide.model.batches if any(row.position < 100 for row in batch)]
    assert len(reads) >= 2
    assert all(row.position < 100 for batch in reads for row in batch)


def test_a_prompt_that_comes_later_keeps_no_answer_waiting(wide: Bench) -> None:
    now = time.monotonic()
    wide.model.gate.close()
    at(wide, "first", now - 10, 20)
    wide.model.gate.step(3)
    wide.model.gate.wait_until_held()
    at(wide, "later", now, 400)
    wide.model.gate.open()
    for id in ("first", "later"):
        wide.recorder.finished(id)
    mixed = [batch for batch in wide.model.batches if len(slots_of(batch)) == 2]
    assert any(row.slot == 1 and row.position < 399 for batch in mixed for row in batch)
