"""A draft model beside the scripted model: both raise if their KV cache holds other tokens than prompt and answer."""

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from server.engine import speculation
from server.engine.base import Finished, FinishReason, GenerationRequest, Instruction, Phase, SamplingParams
from server.engine.draft_model_control import FEW_MISSING, DraftModelControl, Work
from server.engine.model import DecodeError
from server.engine.options import EngineOptions
from server.engine.speculation import Speculative
from server.engine.speculation_control import SpeculationControl
from server.engine.worker import BatchingEngine
from tests.server.engine.recorder import Recorder
from tests.server.engine.scripted_draft_model import ScriptedDraftModel
from tests.server.engine.scripted_model import Gate, ScriptedModel
from tests.server.engine.test_speculation import MODES

PROMPT = "Describe a pangram!"
TEXT = "The quick brown fox jumps over the lazy dog, vexing my sphinx of black quartz."
"""No three letters of it come twice, so that only the draft model proposes something."""

PROPOSED = 4
PIECE = 50


class AlwaysProposed(DraftModelControl):
    """Lets the draft model work before every step, so that no test depends on durations."""

    def next(self, most: int, missing: int, other: float = 1.0) -> Work:
        if most < 1 or other > 1:
            return Work(0, 0)
        return Work(0, min(most, PROPOSED)) if missing <= FEW_MISSING else Work(min(PIECE, missing - 1), 0)


class NoMatches(SpeculationControl):
    """Verifies no repetitions."""

    def length(self, matched: int, most: int) -> int:
        return 0


class Bench:
    """A scripted model with a draft model in a running engine, with a recorder."""

    def __init__(
        self,
        mode: Speculative = Speculative.ALL,
        *,
        gate: Gate | None = None,
        shift: bool = False,
        draft_context: int | None = None,
        **model: Any,
    ) -> None:
        self.model = ScriptedModel(**model)
        self.draft = ScriptedDraftModel(self.model, gate=self.model.gate if gate is None else gate)
        if draft_context:
            self.draft.facts = ScriptedModel(context=draft_context).facts
        options = EngineOptions(speculative=mode, context_shift=shift)
        self.engine = BatchingEngine(self.model, options, draft_model=self.draft)
        self.recorder = Recorder()
        self.engine.start(self.recorder.listen)

    def submit(
        self,
        id: str,
        prompt: str,
        *,
        repeatable: bool = True,
        principal: str = "",
        temporary: bool = False,
        **more: Any,
    ) -> None:
        request = GenerationRequest(
            id=id,
            prompt=tuple(prompt.encode()),
            sampling=SamplingParams(**more),
            received=time.monotonic(),
            repeatable=repeatable,
            principal=principal,
            temporary=temporary,
        )
        self.engine.submit(request)

    def begin(self, answer: str, prompt: str = PROMPT, **more: Any) -> None:
        """Submit a request whose answer is exactly ``answer``, which the draft model expects."""
        self.draft.expected = list((prompt + answer).encode())
        self.submit("answer", prompt, grammar=answer, **more)

    def ask(self, answer: str, prompt: str = PROMPT, **more: Any) -> Finished:
        self.begin(answer, prompt, **more)
        return self.recorder.finished("answer")

    @property
    def text(self) -> str:
        return self.recorder.text("answer")

    @property
    def last_position(self) -> int:
        return max(row.position for batch in self.model.batches for row in batch)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Bench]]:
    """Make a ``Bench``, which the end of the test closes."""
    monkeypatch.setattr(speculation, "DraftModelControl", AlwaysProposed)
    monkeypatch.setattr(speculation, "SpeculationControl", NoMatches)
    made: list[Bench] = []

    class Closed(Bench):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    yield Closed
    for bench in made:
        bench.model.gate.open()
        bench.draft.gate.open()
        bench.engine.close()
        assert bench.draft.closed


def test_the_answer_is_the_same_in_fewer_steps(make: type[Bench]) -> None:
    bench = make()
    finished = bench.ask(TEXT)
    assert (bench.text, finished.reason) == (TEXT, FinishReason.STOP)
    stats = bench.engine.stats()
    assert stats.steps < len(TEXT) / (PROPOSED + 1) + 5
    assert stats.accepted_tokens == stats.proposed_tokens > 0.7 * len(TEXT)
    assert stats.completion_tokens == finished.usage.completion_tokens + 1 == len(TEXT) + 1


@pytest.mark.parametrize("every", [1, 2, 3, 5, 7])
def test_the_answer_is_the_same_where_the_draft_model_is_wrong(make: type[Bench], every: int) -> None:
    bench = make()
    bench.draft.wrong_at = set(range(0, 1000, every))
    bench.ask(TEXT)
    assert bench.text == TEXT
    stats = bench.engine.stats()
    assert stats.accepted_tokens < stats.proposed_tokens
    assert (stats.accepted_tokens > 0) == (every > 1)


@pytest.mark.parametrize("most", [1, 2, 3, 6, 7, 20, len(TEXT)])
def test_max_tokens_ends_it_at_the_same_token(make: type[Bench], most: int) -> None:
    bench = make()
    finished = bench.ask(TEXT, max_tokens=most)
    assert (bench.text, finished.reason) == (TEXT[:most], FinishReason.LENGTH)
    assert bench.last_position == len(PROMPT) + most - 2  # the last token chosen is never computed, nor one after it


def test_a_full_context_ends_it_at_the_same_token(make: type[Bench]) -> None:
    bench = make(context=len(PROMPT) + 30)
    assert bench.ask(TEXT).reason is FinishReason.LENGTH
    assert bench.text == TEXT[:30]
    assert bench.last_position == bench.model.facts.context - 2


def test_a_draft_model_of_a_shorter_context_stops_there(make: type[Bench]) -> None:
    bench = make(draft_context=len(PROMPT) + 30)
    assert bench.ask(TEXT).reason is FinishReason.STOP
    assert bench.text == TEXT
    assert 0 < bench.engine.stats().accepted_tokens < 30


def test_a_shifted_context_has_no_more_proposals(make: type[Bench]) -> None:
    bench = make(context=60, shift=True)
    assert bench.ask(TEXT * 3).reason is FinishReason.STOP
    assert bench.text == TEXT * 3
    assert bench.model.shifts
    assert 0 < bench.engine.stats().accepted_tokens < 60


def test_a_long_prompt_is_read_in_pieces_beside_the_answer(make: type[Bench]) -> None:
    bench = make()
    prompt = PROMPT * 30
    bench.ask(TEXT, prompt)
    assert bench.text == TEXT
    assert max(bench.draft.batches) == PIECE
    assert bench.draft.batches[: len(prompt) // PIECE] == [PIECE] * (len(prompt) // PIECE)
    assert bench.engine.stats().accepted_tokens > len(TEXT) / 3


def test_another_answer_stops_the_draft_model_between_two_pieces(make: type[Bench]) -> None:
    bench = make(slots=2, gate=Gate())
    bench.draft.gate.close()
    bench.begin(TEXT, PROMPT * 30)
    bench.draft.gate.wait_until_held()
    bench.submit("other", "words", grammar=TEXT)
    bench.draft.gate.step()  # a second piece would wait at the gate
    bench.recorder.wait_for_tokens("other", 1)
    assert bench.draft.batches == [PIECE]
    bench.draft.gate.open()
    for id in ("answer", "other"):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == TEXT


def test_another_answer_stops_the_draft_model_between_two_tokens(make: type[Bench]) -> None:
    bench = make(slots=2, gate=Gate())
    bench.draft.gate.close()
    bench.begin(TEXT)
    bench.draft.gate.wait_until_held()
    bench.submit("other", "words", grammar=TEXT)
    bench.draft.gate.step()
    bench.recorder.wait_for_tokens("other", 1)
    assert bench.draft.batches == [len(PROMPT) + 1]
    bench.draft.gate.open()
    for id in ("answer", "other"):
        assert bench.recorder.finished(id).reason is FinishReason.STOP
        assert bench.recorder.text(id) == TEXT


@pytest.mark.parametrize("prompt", [PROMPT, PROMPT * 30])
@pytest.mark.parametrize("computed", [0, 1, 2])
def test_stop_ends_the_running_step_of_the_draft_model(make: type[Bench], prompt: str, computed: int) -> None:
    bench = make()
    bench.model.gate.close()
    bench.begin(TEXT, prompt)
    while len(bench.draft.batches) < computed or not bench.recorder.tokens("answer"):
        bench.model.gate.step()
        bench.model.gate.wait_until_held()
    bench.engine.cancel("answer", time.monotonic())
    finished = bench.recorder.finished("answer")
    assert (finished.reason, finished.phase) == (FinishReason.CANCELLED, Phase.DECODE)
    bench.model.gate.open()
    bench.draft.expected = list((PROMPT + TEXT).encode())
    bench.submit("next", PROMPT, grammar=TEXT)
    bench.recorder.finished("next")
    assert bench.recorder.text("next") == TEXT


@pytest.mark.parametrize("failure", ["decode", "forget"])
def test_a_draft_model_that_fails_is_switched_off_with_one_line(
    make: type[Bench], failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make()
    if failure == "decode":
        bench.draft.failures.append(DecodeError("llama_decode failed with -3"))
    else:
        bench.draft.can_forget = False
    bench.draft.wrong_at = {len(PROMPT) + 8}
    with caplog.at_level(logging.WARNING):
        assert bench.ask(TEXT).reason is FinishReason.STOP
    assert bench.text == TEXT
    (line,) = [record.getMessage() for record in caplog.records]
    assert "draft model is switched off" in line
    before = bench.draft.rows_computed
    bench.submit("next", PROMPT, grammar=TEXT)
    bench.recorder.finished("next")
    assert bench.recorder.text("next") == TEXT
    assert bench.draft.rows_computed == before


@pytest.mark.parametrize(("mode", "repeatable", "temperature", "proposed"), MODES)
def test_only_answers_of_its_mode_have_proposals(
    make: type[Bench], mode: Speculative, repeatable: bool, temperature: float, proposed: bool
) -> None:
    bench = make(mode)
    bench.ask(TEXT, repeatable=repeatable, temperature=temperature)
    assert bench.text == TEXT
    assert (bench.draft.rows_computed > 0, bench.engine.stats().proposed_tokens > 0) == (proposed, proposed)


def test_a_shared_kv_cache_has_none(make: type[Bench]) -> None:
    bench = make(kv_tokens=1000)
    bench.ask(TEXT)
    assert (bench.text, bench.draft.rows_computed) == (TEXT, 0)


@pytest.mark.parametrize("temporary", [False, True])
def test_the_next_turn_reuses_what_the_draft_model_has_read_unless_it_was_temporary(
    make: type[Bench], temporary: bool
) -> None:
    bench = make()
    bench.ask(TEXT, temporary=temporary, principal="one")
    before = bench.draft.rows_computed
    if temporary:
        assert not bench.draft.held
    prompt = PROMPT + TEXT + "And then?"
    bench.draft.expected = list((prompt + "The end").encode())
    bench.submit("next", prompt, grammar="The end", principal="one")
    bench.recorder.finished("next")
    read = bench.draft.rows_computed - before
    assert read > len(prompt) if temporary else read < len("And then?The end") + 2 * PROPOSED


def test_an_instruction_in_mid_answer_is_read_by_both(make: type[Bench]) -> None:
    bench = make(answer_tokens=400)
    bench.model.gate.close()
    bench.submit("answer", "words", seed=5)
    while not bench.draft.batches:
        bench.model.gate.step()
        bench.model.gate.wait_until_held()
    bench.engine.steer("answer", Instruction("shorter", tuple(b"<shorter>")))
    bench.model.gate.open()
    assert bench.recorder.finished("answer").reason is FinishReason.STOP


def test_repetitions_that_are_better_are_verified_in_its_place(
    make: type[Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    class EveryMatch(SpeculationControl):
        def length(self, matched: int, most: int) -> int:
            return most if matched else 0

        def gain(self, matched: int, count: int) -> float:
            return 2.0 if count else 1.0

    monkeypatch.setattr(speculation, "SpeculationControl", EveryMatch)
    bench = make()
    bench.ask(TEXT, TEXT)
    assert bench.text == TEXT
    assert bench.draft.rows_computed < 2 * len(TEXT)
    assert bench.engine.stats().accepted_tokens > 0.7 * len(TEXT)
    assert max(map(len, bench.model.batches[1:])) > PROPOSED + 1
