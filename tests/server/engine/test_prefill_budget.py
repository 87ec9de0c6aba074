"""The prefill budget, for given step durations."""

from hypothesis import given
from hypothesis import strategies as st

from server.engine.prefill_budget import READING_SECONDS, SMALLEST_CHUNK, SMALLEST_READING_CHUNK, PrefillBudget

MOST = 500


class Machine:
    """Simulated machine: a step takes a fixed time, and more for each row."""

    def __init__(self, *, write: float, read: float) -> None:
        self.write, self.read = write, read

    def seconds(self, writing: int, reading: int) -> float:
        return (self.write if writing else 0.0) + 0.0001 * writing + self.read * reading

    def teach(self, pace: PrefillBudget, *, writing: int, settled: bool, steps: int = 40) -> int:
        """Report the steps of a prompt beside ``writing`` answers; return the last budget."""
        for _ in range(steps):
            budget = pace.budget(writing=writing, settled=settled, readers=1)
            pace.learn(writing=writing, reading=budget, seconds=self.seconds(writing, budget))
        return budget


def test_before_anything_is_known_a_chunk_is_small() -> None:
    pace = PrefillBudget(most=MOST)
    assert pace.budget(writing=0, settled=False, readers=1) == 2 * SMALLEST_READING_CHUNK
    assert pace.budget(writing=3, settled=True, readers=1) == 2 * SMALLEST_CHUNK


def test_while_nobody_writes_a_step_takes_as_long_as_a_newcomer_may_wait() -> None:
    pace = PrefillBudget(most=MOST)
    budget = Machine(write=0, read=0.001).teach(pace, writing=0, settled=False)
    assert budget == int(READING_SECONDS / 0.001)


def test_prompt_adds_about_one_usual_gap_to_running_answers() -> None:
    machine, pace = Machine(write=0.05, read=0.002), PrefillBudget(most=MOST)
    for writing in (1, 4):
        for _ in range(20):
            pace.learn(writing=writing, reading=0, seconds=machine.seconds(writing, 0))
        budget = machine.teach(pace, writing=writing, settled=True)
        gap = machine.seconds(writing, 0)
        assert 0.8 * gap <= machine.seconds(writing, budget) - gap <= gap


def test_answers_that_have_only_begun_do_not_hold_a_prompt_up() -> None:
    machine, pace = Machine(write=0.05, read=0.001), PrefillBudget(most=MOST)
    pace.learn(writing=2, reading=0, seconds=machine.seconds(2, 0))
    assert machine.teach(pace, writing=2, settled=False) > 3 * machine.teach(pace, writing=2, settled=True)


def test_a_machine_that_gets_slower_or_faster_is_learnt_again() -> None:
    pace = PrefillBudget(most=MOST)
    for read in (0.001, 0.01, 0.0005):
        machine = Machine(write=0.1, read=read)
        for _ in range(40):
            pace.learn(writing=1, reading=0, seconds=machine.seconds(1, 0))
        budget = machine.teach(pace, writing=1, settled=True, steps=60)
        assert 0.7 * 0.1 / read <= budget <= 1.1 * 0.1 / read


def test_a_number_of_rows_that_was_never_seen_counts_as_the_nearest_that_was() -> None:
    pace = PrefillBudget(most=MOST)
    pace.learn(writing=1, reading=0, seconds=0.01)
    pace.learn(writing=8, reading=0, seconds=0.04)
    pace.learn(writing=0, reading=100, seconds=0.1)
    assert pace.budget(writing=2, settled=True, readers=1) == 10
    assert pace.budget(writing=7, settled=True, readers=1) == 40


def test_many_readers_get_a_longer_step_between_them_within_bounds() -> None:
    pace = PrefillBudget(most=MOST)
    pace.learn(writing=0, reading=100, seconds=0.5)
    budgets = [pace.budget(writing=0, settled=False, readers=readers) for readers in (1, 2, 4, 100)]
    assert budgets == [100, 2 * SMALLEST_READING_CHUNK, 4 * SMALLEST_READING_CHUNK, min(MOST, 500)]


seconds = st.floats(0, 100)
steps = st.lists(st.tuples(st.integers(0, 16), st.integers(0, MOST), seconds), max_size=30)


@given(steps, st.integers(1, MOST), st.integers(0, 16), st.booleans())
def test_a_budget_is_never_below_the_smallest_chunk_nor_above_the_batch(
    steps: list[tuple[int, int, float]], most: int, writing: int, settled: bool
) -> None:
    pace = PrefillBudget(most=most)
    for rows, reading, took in steps:
        pace.learn(writing=rows, reading=reading, seconds=took)
    budget = pace.budget(writing=writing, settled=settled, readers=1)
    assert min(most, SMALLEST_CHUNK) <= budget <= most
