"""Verification of proposed tokens over the scripted model, which raises if the KV cache holds other tokens than the
prompt and the answer."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from server.engine import speculation
from server.engine.base import (
    Finished,
    FinishReason,
    GenerationRequest,
    Instruction,
    Limit,
    Phase,
    Piece,
    SamplingParams,
)
from server.engine.model import DecodeError
from server.engine.options import EngineOptions
from server.engine.speculation import Speculative
from server.engine.speculation_control import SpeculationControl
from server.engine.worker import BatchingEngine
from tests.server.engine.recorder import Recorder
from tests.server.engine.scripted_model import ScriptedModel, scripted_tokens

TEXT = "The quick brown fox jumps over the lazy dog, and then it sleeps until the evening comes.\n"
EDITED = TEXT.replace("lazy", "very lazy").replace("evening", "morning")

MODES = [
    (Speculative.AUTO, False, 0.8, True),
    (Speculative.AUTO, True, 0.8, False),
    (Speculative.AUTO, False, 0.0, False),
    (Speculative.ALL, True, 0.0, True),
    (Speculative.OFF, False, 0.8, False),
]
"""Mode, whether the answer is repeatable, its temperature, and whether it has proposals then."""


class EveryProposal(SpeculationControl):
    """Verifies every proposal, so that no test depends on durations."""

    def length(self, matched: int, most: int) -> int:
        return most if matched else 0


class Bench:
    """A scripted model in a running engine that verifies every proposal, with a recorder."""

    def __init__(self, mode: Speculative = Speculative.ALL, *, shift: bool = False, **model: Any) -> None:
        can_cut = model.pop("can_cut", True)
        self.model = ScriptedModel(**model)
        self.model.can_cut = can_cut
        self.engine = BatchingEngine(self.model, EngineOptions(speculative=mode, context_shift=shift))
        self.recorder = Recorder()
        self.engine.start(self.recorder.listen)

    def submit(self, id: str, prompt: str, *, repeatable: bool = True, **sampling: Any) -> None:
        request = GenerationRequest(
            id=id,
            prompt=tuple(prompt.encode()),
            sampling=SamplingParams(**sampling),
            received=time.monotonic(),
            repeatable=repeatable,
        )
        self.engine.submit(request)

    def copy(self, answer: str, prompt: str = TEXT, **sampling: Any) -> Finished:
        """Let the model answer ``prompt`` with exactly ``answer``."""
        self.submit("copy", prompt, grammar=answer, **sampling)
        return self.recorder.finished("copy")

    @property
    def text(self) -> str:
        return self.recorder.text("copy")

    @property
    def widest(self) -> int:
        """Greatest number of rows of a step that wrote."""
        return max(len(batch) for batch in self.model.batches if all(row.logits for row in batch))

    @property
    def last_position(self) -> int:
        return max(row.position for batch in self.model.batches for row in batch)

    def assert_nothing_is_held(self) -> None:
        stats = self.engine.stats()
        assert (stats.alive, stats.running, stats.kv_tokens) == (True, 0, 0)
        assert self.model.held_tokens == stats.kept_tokens


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Bench]]:
    """Make a ``Bench``, which the end of the test closes."""
    monkeypatch.setattr(speculation, "SpeculationControl", EveryProposal)
    made: list[Bench] = []

    class Closed(Bench):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    yield Closed
    for bench in made:
        bench.model.gate.open()
        bench.engine.close()


@pytest.mark.parametrize("answer", [TEXT, EDITED, TEXT * 3, "Nothing of it comes before."])
def test_the_answer_is_the_same_in_fewer_steps(make: type[Bench], answer: str) -> None:
    bench = make()
    finished = bench.copy(answer)
    assert bench.text == answer
    assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.STOP, len(answer))
    stats = bench.engine.stats()
    if TEXT[:40] in answer:
        assert stats.steps < len(answer) / 3
        assert 0.5 * stats.proposed_tokens < stats.accepted_tokens < len(answer)
    assert stats.completion_tokens == len(answer) + 1
    bench.assert_nothing_is_held()


def test_a_long_answer_with_many_wrong_proposals_is_the_same(make: type[Bench]) -> None:
    bench = make(answer_tokens=900)
    bench.submit("words", "words", seed=5)
    assert bench.recorder.finished("words").usage.completion_tokens == 900
    assert bench.recorder.tokens("words") == scripted_tokens(list(b"words"), 5, 900)
    stats = bench.engine.stats()
    assert 0 < stats.accepted_tokens < stats.proposed_tokens
    bench.assert_nothing_is_held()


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 20, 21, 22, 37, len(TEXT) - 1, len(TEXT)])
def test_max_tokens_ends_it_at_the_same_token(make: type[Bench], most: int) -> None:
    bench = make()
    finished = bench.copy(TEXT, max_tokens=most)
    assert bench.text == TEXT[:most]
    assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.MAX_TOKENS)
    assert finished.usage.completion_tokens == most
    assert bench.last_position == len(TEXT) + most - 2  # the last token chosen is never computed, nor one after it
    bench.assert_nothing_is_held()


@pytest.mark.parametrize("stop", ["jumps", "s ov", "dog, and", TEXT[30:50]])
def test_a_stop_string_ends_it_in_the_middle_of_accepted_tokens(make: type[Bench], stop: str) -> None:
    bench = make()
    finished = bench.copy(TEXT * 2, prompt=TEXT * 2, stop=(stop,))
    assert bench.text == TEXT[: TEXT.index(stop)]
    assert (finished.reason, finished.stop_string) == (FinishReason.STOP, stop)
    bench.assert_nothing_is_held()


def test_the_end_of_the_answer_is_found_where_the_proposal_goes_on(make: type[Bench]) -> None:
    bench = make()
    finished = bench.copy(TEXT[:50])
    assert (bench.text, finished.reason) == (TEXT[:50], FinishReason.STOP)
    bench.assert_nothing_is_held()


@pytest.mark.parametrize("spare", [30, 31, 40, 60])
def test_a_full_context_ends_it_at_the_same_token(make: type[Bench], spare: int) -> None:
    bench = make(context=len(TEXT) + spare)
    finished = bench.copy(TEXT)
    assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.CONTEXT)
    assert bench.text == TEXT[:spare]
    assert bench.last_position == bench.model.facts.context - 2
    bench.assert_nothing_is_held()


def test_a_full_context_is_shifted_between_two_verifications(make: type[Bench]) -> None:
    bench = make(context=3 * len(TEXT) + 30, shift=True)
    finished = bench.copy(TEXT * 12)
    assert (finished.reason, bench.text) == (FinishReason.STOP, TEXT * 12)
    assert bench.model.shifts >= 3
    assert bench.last_position == bench.model.facts.context - 2
    assert bench.engine.stats().steps < 2 * len(TEXT)


def test_each_token_has_a_piece_and_those_of_a_step_come_together(make: type[Bench]) -> None:
    bench = make()
    bench.copy(TEXT, top_logprobs=2)
    pieces = [update for update in bench.recorder.of("copy") if isinstance(update, Piece)]
    assert [(piece.text, piece.completion_tokens) for piece in pieces] == [
        (letter, number) for number, letter in enumerate(TEXT, start=1)
    ]
    assert all(len(piece.choices) == len(piece.tokens) == 1 for piece in pieces)
    assert bench.recorder.steps <= bench.engine.stats().steps + 1  # the first one admits the prompt


def test_a_cancel_between_two_verifications_ends_it(make: type[Bench]) -> None:
    bench = make()
    bench.model.gate.close()
    bench.submit("copy", TEXT, grammar=TEXT * 50)
    while bench.engine.stats().accepted_tokens < 20:
        bench.model.gate.step()
        bench.model.gate.wait_until_held()
    bench.engine.cancel("copy", time.monotonic())
    finished = bench.recorder.finished("copy")
    assert (finished.reason, finished.phase) == (FinishReason.CANCELLED, Phase.DECODE)
    assert bench.text == (TEXT * 50)[: finished.usage.completion_tokens]
    bench.model.gate.open()
    bench.assert_nothing_is_held()


def test_a_failed_verification_ends_the_answer_as_any_failed_step(make: type[Bench]) -> None:
    bench = make()
    bench.model.gate.close()
    bench.submit("copy", TEXT, grammar=TEXT * 50)
    while not bench.engine.stats().accepted_tokens:
        bench.model.gate.step()
        bench.model.gate.wait_until_held()
    bench.model.failures.append(DecodeError("the batch failed"))
    bench.model.gate.open()
    finished = bench.recorder.finished("copy")
    assert (finished.reason, finished.error) == (FinishReason.FAILED, "the batch failed")
    assert bench.text == (TEXT * 50)[: finished.usage.completion_tokens]


def test_two_answers_at_once_have_a_row_each(make: type[Bench]) -> None:
    bench = make(slots=2)
    bench.model.gate.close()
    for id in ("one", "two"):
        bench.submit(id, TEXT, grammar=TEXT, max_tokens=60)
    bench.model.gate.open()
    for id in ("one", "two"):
        assert bench.recorder.finished(id).reason is FinishReason.LENGTH
        assert bench.recorder.text(id) == TEXT[:60]
    assert bench.widest == 2
    assert bench.engine.stats().proposed_tokens == 0


@pytest.mark.parametrize(("mode", "repeatable", "temperature", "verified"), MODES)
def test_only_answers_of_its_mode_have_proposals(
    make: type[Bench], mode: Speculative, repeatable: bool, temperature: float, verified: bool
) -> None:
    bench = make(mode)
    bench.submit("copy", TEXT, grammar=TEXT, repeatable=repeatable, temperature=temperature)
    bench.recorder.finished("copy")
    assert bench.text == TEXT
    assert (bench.widest > 1, bench.engine.stats().proposed_tokens > 0) == (verified, verified)


@pytest.mark.parametrize("model", [{"can_cut": False}, {"kv_tokens": 1000}])
def test_a_model_that_cannot_drop_single_tokens_or_shares_its_cells_has_none(
    make: type[Bench], model: dict[str, Any]
) -> None:
    bench = make(**model)
    bench.copy(TEXT)
    assert (bench.text, bench.widest) == (TEXT, 1)


def test_a_model_that_fails_to_drop_tokens_reads_them_again_once(
    make: type[Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make()
    monkeypatch.setattr(
        bench.model, "forget", lambda slot, start=0: not start and ScriptedModel.forget(bench.model, slot)
    )
    bench.copy(EDITED * 2)
    assert bench.text == EDITED * 2
    stats = bench.engine.stats()
    assert 0 < stats.proposed_tokens <= 16
    assert stats.prompt_tokens > len(TEXT)


def test_the_next_turn_reuses_what_was_accepted(make: type[Bench]) -> None:
    bench = make()
    bench.copy(EDITED)
    bench.submit("next", TEXT + EDITED + "And then?", max_tokens=3)
    assert bench.recorder.finished("next").usage.cached_tokens >= len(TEXT + EDITED) - 1


def test_an_instruction_between_two_verifications_is_read(make: type[Bench]) -> None:
    bench = make(answer_tokens=400)
    bench.model.gate.close()
    bench.submit("copy", "words", seed=5)
    while bench.engine.stats().proposed_tokens < 10:
        bench.model.gate.step()
        bench.model.gate.wait_until_held()
    bench.engine.steer("copy", Instruction("shorter", tuple(b"<shorter>")))
    bench.model.gate.open()
    assert bench.recorder.finished("copy").reason is FinishReason.STOP
