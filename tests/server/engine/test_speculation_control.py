"""Control of the verification of proposals: simulated machines and texts, with the speed that comes out."""

import random
from dataclasses import dataclass, replace

import pytest

from server.engine.speculation_control import (
    LENGTHS,
    SINGLE_EVERY,
    STALE,
    START_CREDIT,
    SpeculationControl,
    StepCosts,
    expected_tokens,
)


@dataclass(frozen=True, slots=True)
class Machine:
    """``row``: seconds of each further row, compared with the first. ``disturbed``: part of the steps that another
    program makes 1.5 to 8 times as long."""

    row: float
    single: float = 0.01
    disturbed: float = 0.0

    def seconds(self, rows: int, chooser: random.Random) -> float:
        factor = chooser.uniform(1.5, 8) if chooser.random() < self.disturbed else 1.0
        return self.single * (1 + self.row * (rows - 1)) * factor


@dataclass(frozen=True, slots=True)
class Text:
    """``matching``: part of the tokens before which something is proposed; ``right``: the rate at which a proposed
    token is the one chosen, if those before it are."""

    matching: float
    matched: int
    right: float


GPU, MEMORY_BOUND, COMPUTE_BOUND = Machine(0.01), Machine(0.15), Machine(1.0)
COPY = Text(0.95, 20, 0.97)
PROSE = (Text(0.15, 3, 0.1), Text(0.15, 3, 0.3), Text(0.15, 6, 0.4), Text(0.05, 10, 0.5))


def speed(parts: list[tuple[Machine, Text, int]], seed: int = 1) -> float:
    """Return the speed over all parts (machine, text, number of tokens), compared with single tokens."""
    control, chooser = SpeculationControl(), random.Random(seed)
    spent = alone = 0.0
    for machine, text, tokens in parts:
        written = 0
        while written < tokens:
            matched = text.matched if chooser.random() < text.matching else 0
            count = control.length(matched, LENGTHS[-1])
            tried = count or min(matched, 1)
            right = next((n for n in range(tried) if chooser.random() >= text.right), tried)
            chosen, took = right + 1 if count else 1, machine.seconds(count + 1, chooser)
            control.accepted(matched, right, rejected=right < tried)
            control.took(count + 1, chosen, took)
            written, spent = written + chosen, spent + took
            alone += chosen * machine.single * (1 + machine.disturbed * 3.75)
    return alone / spent


@pytest.mark.parametrize(("machine", "least"), [(GPU, 8.0), (MEMORY_BOUND, 3.0), (Machine(0.3), 2.0)])
def test_copying_is_faster_where_a_row_more_is_cheap(machine: Machine, least: float) -> None:
    assert speed([(machine, COPY, 4000)]) >= least


@pytest.mark.parametrize("row", [0.0, 0.05, 0.15, 0.3, 0.6, 1.0, 1.5])
@pytest.mark.parametrize("text", PROSE)
def test_prose_is_never_slower(row: float, text: Text) -> None:
    assert speed([(Machine(row), text, 4000)]) >= 0.99


@pytest.mark.parametrize("text", [*PROSE, COPY])
def test_nothing_is_lost_where_a_row_more_costs_as_much_as_the_first(text: Text) -> None:
    assert speed([(COMPUTE_BOUND, text, 4000)]) >= 0.99


def test_a_text_that_stops_repeating_itself_is_soon_computed_singly() -> None:
    unlike = replace(COPY, right=0.0)
    assert speed([(MEMORY_BOUND, COPY, 500), (MEMORY_BOUND, unlike, 4000)]) >= 0.99


def test_copying_after_much_prose_is_faster_too() -> None:
    assert speed([(MEMORY_BOUND, PROSE[1], 8000), (MEMORY_BOUND, COPY, 8000)]) >= 1.5


def test_a_machine_whose_rows_become_expensive_loses_nothing() -> None:
    assert speed([(COMPUTE_BOUND, PROSE[0], 100), (GPU, COPY, 500), (COMPUTE_BOUND, COPY, 8000)]) >= 0.99


def test_a_machine_whose_rows_become_cheap_is_tried_again() -> None:
    before = speed([(COMPUTE_BOUND, COPY, 4000)])
    assert speed([(COMPUTE_BOUND, COPY, 4000), (GPU, COPY, 20_000)]) > 2 * before


@pytest.mark.parametrize("seed", range(5))
def test_other_programs_do_not_turn_it_off(seed: int) -> None:
    assert speed([(replace(MEMORY_BOUND, disturbed=0.1), COPY, 8000)], seed) >= 2.0


def test_a_single_token_is_measured_first_and_again_from_time_to_time() -> None:
    control = SpeculationControl()
    assert control.length(20, 16) == 0
    control.took(1, 1, 0.01)
    for _ in range(SINGLE_EVERY):
        assert control.length(20, 16)
        control.accepted(20, 16, rejected=False)
        control.took(17, 17, 0.02)
    assert not control.length(20, 16)
    control.took(1, 1, 0.01)
    assert control.length(20, 16) == 16


@pytest.mark.parametrize(("matched", "most"), [(0, 16), (20, 0), (20, 1)])
def test_nothing_is_verified_without_a_proposal_or_room(matched: int, most: int) -> None:
    control = SpeculationControl()
    control.took(1, 1, 0.01)
    assert control.length(matched, most) == 0


def test_a_shorter_proposal_is_verified_where_there_is_little_room() -> None:
    control = SpeculationControl()
    control.took(1, 1, 0.01)
    assert control.length(20, 7) == 4


def test_a_gain_near_the_bound_does_not_turn_it_on_and_off() -> None:
    control = SpeculationControl()
    for rows in (1, 3, 5, 9, 17):
        control.took(rows, rows, 0.01 * (1 + 0.55 * (rows - 1)))
    below, between, above = 1, 3, 6  # right tokens for each wrong one
    best = [max(expected_tokens(n / (n + 1), k) / (1 + 0.55 * k) for k in LENGTHS) for n in (below, between, above)]
    assert best[0] < 1.03 < best[1] < 1.15 < best[2]
    for right, verified in ((above, True), (between, True), (below, False), (between, False), (above, True)):
        for _ in range(300):
            control.accepted(20, right, rejected=True)
        assert (control.length(20, 16) > 0) == verified


def test_proposals_that_are_always_wrong_cost_no_more_than_the_credit() -> None:
    control = SpeculationControl()
    control.took(1, 1, 1.0)
    lost = 0.0
    for _ in range(1000):
        count = control.length(20, 16)
        control.accepted(0, 0, rejected=True)  # the rate stays as good as at first
        control.took(count + 1, 1, 1.0 + 0.3 * count)
        lost += 0.3 * count
    assert 0 < lost <= START_CREDIT + 1000 * 0.004


def test_one_step_that_another_program_slows_down_does_not_turn_it_off_for_long() -> None:
    control = SpeculationControl()
    control.took(1, 1, 1.0)
    assert control.length(20, 2) == 2
    control.took(3, 3, 1000.0)
    assert control.length(20, 2) == 0
    waited = 0
    while waited < 10_000 and not control.length(20, 2):
        control.took(1, 1, 1.0)
        waited += 1
    assert 500 < waited < 3000


def test_durations_that_are_old_are_not_used() -> None:
    costs = StepCosts()
    costs.learn(1, 1.0)
    assert costs.relative(17) == pytest.approx(1 + 0.15 * 16)
    costs.learn(17, 17.0)
    assert costs.relative(17) == pytest.approx(17)
    assert costs.relative(9) == pytest.approx(9)
    for _ in range(STALE + 1):
        costs.learn(1, 1.0)
    assert costs.relative(17) == pytest.approx(1 + 0.15 * 16)
    costs.learn(17, 3.0)
    assert costs.relative(17) == pytest.approx(3)


def test_a_row_never_counts_as_cheaper_than_nothing() -> None:
    costs = StepCosts()
    costs.learn(1, 1.0)
    costs.learn(3, 0.5)
    assert costs.relative(17) == 1.0


def test_all_tokens_are_expected_where_all_are_right() -> None:
    assert expected_tokens(1.0, 4) == 5.0
    assert expected_tokens(0.5, 2) == pytest.approx(1.75)
