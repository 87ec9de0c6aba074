"""Control of a draft model: simulated pairs of models and texts, with the speed that comes out."""

import random
from dataclasses import dataclass
from itertools import pairwise

import pytest

from server.engine.draft_model_control import (
    FEW_MISSING,
    FIRST_PIECE,
    LEAST_PIECE,
    MOST_PIECE,
    TRIAL,
    TRIAL_EVERY,
    DraftModelControl,
    Work,
)
from server.engine.speculation_control import LENGTHS, SINGLE_EVERY, START_CREDIT, SpeculationControl, StepCosts

SINGLE = 0.04
"""Seconds of a step of one row."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Durations compared with a step of one row: ``row``: each further row; ``token``: a token that the draft model
    proposes; ``reading``: a token that it reads in a chunk. ``disturbed``: part of the steps that another program makes
    1.5 to 8 times as long."""

    row: float
    token: float
    reading: float
    disturbed: float = 0.0


@dataclass(frozen=True, slots=True)
class Text:
    """``right``: the rate at which a token of the draft model is the one chosen, if those before it are; ``prompt`` and
    ``answer``: lengths in tokens. ``matching``: part of the tokens before which 20 earlier ones repeat themselves;
    ``repeated``: the rate at which the next token is then repeated too."""

    right: float
    prompt: int = 100
    answer: int = 400
    matching: float = 0.0
    repeated: float = 0.9


class Run:
    """One engine with a draft model. Its clock counts what both models compute."""

    def __init__(self, pair: Pair, seed: int = 1, *, drafting: bool = True) -> None:
        self.pair = pair
        self._control = SpeculationControl()
        self._draft = DraftModelControl(self._control.costs)
        self._chooser = random.Random(seed)
        self._drafting = drafting
        self.seconds = 0.0
        self.tokens = 0
        self.longest_piece = 0.0
        self._read = 0

    def answer(self, text: Text) -> None:
        """Compute an answer, whose prompt the draft model hasn't read."""
        self._read, end = 0, self.tokens + text.answer
        start = self.tokens
        while self.tokens < end:
            self._step(text, text.prompt + self.tokens - start, end - self.tokens)

    def _step(self, text: Text, length: int, room: int) -> None:
        matched = 20 if self._chooser.random() < text.matching else 0
        most = min(room - 1, LENGTHS[-1])
        count = self._control.length(matched, most)
        drafted = self._let_draft(length, most, self._control.gain(matched, count))
        rows = (drafted or count) + 1
        seconds = self._spend(1 + self.pair.row * (rows - 1))
        right = self._right(text.right if drafted else text.repeated, drafted or count)
        self.tokens += right + 1
        if drafted:
            self._read = length + min(right, drafted - 1)
            self._control.costs.learn(rows, seconds)
            self._draft.verified(drafted, right)
            return
        tried = count or (1 if matched else 0)
        agreed = right if count else self._right(text.repeated, tried)
        self._control.accepted(matched, agreed, rejected=agreed < tried)
        self._control.took(rows, right + 1, seconds)
        self._draft.went_without(rows, right + 1)

    def _let_draft(self, length: int, most: int, other: float) -> int:
        missing = length - self._read
        work = self._draft.next(most, missing, other) if self._drafting else Work(0, 0)
        assert not (work.read and work.propose)
        if work.read:
            assert work.read < missing
            seconds = self._spend(self.pair.reading * work.read)
            self.longest_piece = max(self.longest_piece, self.pair.reading * work.read)
            self._draft.read(work.read, seconds)
            self._read += work.read
        if work.propose:
            seconds = self._spend(self.pair.token * work.propose + self.pair.reading * (missing - 1))
            self._draft.proposed(work.propose, missing, seconds)
        return work.propose

    def _spend(self, cost: float) -> float:
        slowed = self._chooser.uniform(1.5, 8) if self._chooser.random() < self.pair.disturbed else 1.0
        self.seconds += cost * SINGLE * slowed
        return cost * SINGLE * slowed

    def _right(self, rate: float, count: int) -> int:
        return next((n for n in range(count) if self._chooser.random() >= rate), count)

    @property
    def speed(self) -> float:
        """Tokens per second, compared with single tokens."""
        return self.tokens * SINGLE * (1 + self.pair.disturbed * 3.75) / self.seconds


def speed(pair: Pair, *texts: Text, seed: int = 1) -> float:
    """Return the speed over all answers, compared with single tokens."""
    run = Run(pair, seed)
    for text in texts:
        run.answer(text)
    return run.speed


GPU = Pair(row=0.01, token=0.15, reading=0.002)
MEMORY_BOUND = Pair(row=0.05, token=0.1, reading=0.02)
TWO_CORES = Pair(row=0.2, token=0.1, reading=0.05)
LARGE_DRAFT = Pair(row=0.1, token=0.6, reading=0.1)
COMPUTE_BOUND = Pair(row=1.0, token=0.1, reading=0.05)


@pytest.mark.parametrize(
    ("pair", "right", "least"),
    [(GPU, 0.8, 1.8), (MEMORY_BOUND, 0.8, 1.9), (MEMORY_BOUND, 0.6, 1.3), (TWO_CORES, 0.8, 1.35)],
)
def test_a_draft_model_that_is_often_right_makes_answers_faster(pair: Pair, right: float, least: float) -> None:
    assert speed(pair, *[Text(right)] * 20) >= least


@pytest.mark.parametrize("pair", [GPU, MEMORY_BOUND, TWO_CORES, LARGE_DRAFT, COMPUTE_BOUND])
@pytest.mark.parametrize("right", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("prompt", [20, 1000])
def test_no_pair_is_slower_than_single_tokens(pair: Pair, right: float, prompt: int) -> None:
    assert speed(pair, *[Text(right, prompt)] * 10) >= 0.99


@pytest.mark.parametrize("pair", [MEMORY_BOUND, TWO_CORES, LARGE_DRAFT])
@pytest.mark.parametrize("right", [0.0, 0.3, 0.6, 0.9])
def test_it_is_never_slower_than_without_draft_model_where_text_repeats_itself(pair: Pair, right: float) -> None:
    runs = [Run(pair, drafting=drafting) for drafting in (True, False)]
    for run in runs:
        for _ in range(10):
            run.answer(Text(right, matching=0.5))
    assert runs[0].speed >= 0.97 * runs[1].speed


def test_a_draft_model_that_becomes_wrong_is_soon_left_out() -> None:
    assert speed(MEMORY_BOUND, Text(0.9), *[Text(0.1)] * 20) >= 0.99


def test_a_draft_model_that_becomes_right_is_used_again() -> None:
    assert speed(MEMORY_BOUND, *[Text(0.0)] * 10, *[Text(0.9)] * 40) >= 1.5


@pytest.mark.parametrize("seed", range(5))
def test_other_programs_do_not_turn_it_off(seed: int) -> None:
    disturbed = Pair(row=0.05, token=0.1, reading=0.02, disturbed=0.1)
    assert speed(disturbed, *[Text(0.8)] * 20, seed=seed) >= 1.5


@pytest.mark.parametrize("pair", [GPU, MEMORY_BOUND, TWO_CORES, LARGE_DRAFT])
def test_a_long_prompt_is_read_in_pieces_that_take_as_long_as_a_step(pair: Pair) -> None:
    run = Run(pair)
    for _ in range(10):
        run.answer(Text(0.9))
    run.longest_piece = 0.0
    run.answer(Text(0.9, 2000))
    assert run.longest_piece <= max(1.1, LEAST_PIECE * pair.reading)


def test_the_proceeds_of_earlier_answers_pay_for_a_long_prompt() -> None:
    fresh, rich = Run(TWO_CORES), Run(TWO_CORES)
    for _ in range(10):
        rich.answer(Text(0.9))
    for run in (fresh, rich):
        run.longest_piece = 0.0
        run.answer(Text(0.9, 2000))
    assert fresh.longest_piece <= FIRST_PIECE * TWO_CORES.reading  # one piece, to measure
    assert rich.longest_piece > 0


def ready() -> DraftModelControl:
    costs = StepCosts()
    costs.learn(1, SINGLE)
    return DraftModelControl(costs)


def test_a_single_token_is_measured_first_and_again_from_time_to_time() -> None:
    costs = StepCosts()
    control = DraftModelControl(costs)
    assert control.next(16, 1) == Work(0, 0)
    costs.learn(1, SINGLE)
    for _ in range(SINGLE_EVERY):
        assert control.next(16, 1).propose
        costs.learn(17, SINGLE)
    assert control.next(16, 1) == Work(0, 0)


@pytest.mark.parametrize(("most", "proposed"), [(0, 0), (1, 0), (2, 2), (3, 2), (7, 4)])
def test_no_more_is_proposed_than_there_is_room_for(most: int, proposed: int) -> None:
    control = ready()
    control.verified(16, 16)
    assert control.next(most, 1) == Work(0, proposed)


def test_missing_tokens_are_read_first_and_all_but_the_newest() -> None:
    control = ready()
    assert control.next(16, FEW_MISSING + 1) == Work(FIRST_PIECE, 0)
    assert control.next(16, FEW_MISSING).propose
    control.read(32, 32 * SINGLE / 10_000)
    assert control.next(16, 10_000) == Work(MOST_PIECE, 0)
    assert control.next(16, 40) == Work(39, 0)


def test_a_prompt_that_costs_more_than_the_credit_is_not_read() -> None:
    control = ready()
    assert control.next(16, 200).read
    assert control.next(16, 2000) == Work(0, 0)
    for _ in range(40):
        control.verified(4, 4)
    assert control.next(16, 2000).read


def test_a_draft_model_as_slow_as_the_larger_one_proposes_nothing() -> None:
    control = ready()
    control.verified(100, 100)
    assert control.next(16, 1).propose
    control.proposed(4, 1, 4 * SINGLE)
    assert control.next(16, 1) == Work(0, 0)


def test_nothing_is_proposed_where_repetitions_are_better() -> None:
    control = ready()
    assert control.next(16, 1, other=1.2).propose
    assert control.next(16, 1, other=10.0) == Work(0, 0)


def test_a_draft_model_that_is_always_wrong_costs_no_more_than_the_credit() -> None:
    control, lost = ready(), 0.0
    for _ in range(4000):
        count = control.next(16, 1).propose
        if count:
            control.proposed(count, 1, SINGLE * 0.1 * count)
            control.verified(count, 0)
            lost += 0.1 * count + 0.15 * count
        else:
            control.went_without(1, 1)
    assert 0 < lost <= START_CREDIT + 4000 * 0.004


def test_trials_become_rare_while_they_change_nothing() -> None:
    control = ready()
    for _ in range(300):
        control.verified(16, 0)
    assert control.next(16, 1) == Work(0, 0)
    for _ in range(10_000):  # for the credit
        control.went_without(1, 1)
    trials = []
    for step in range(20 * TRIAL_EVERY):
        if count := control.next(16, 1).propose:
            assert count == TRIAL
            trials.append(step)
            control.proposed(count, 1, SINGLE * 0.1 * count)
            control.verified(count, 0)
        control.went_without(1, 1)
    gaps = [after - before for before, after in pairwise(trials)]
    assert len(gaps) >= 2
    assert gaps == sorted(gaps)
    assert gaps[0] >= 2 * TRIAL_EVERY - 2
