"""The pace of reading beside running answers, on machines whose step durations were measured."""

import pytest

from server.engine.prefill_budget import SMALLEST_CHUNK, PrefillBudget
from tests.server.engine.simulated_machine import H100, TWO_CORES, Arrival, Machine, median, run, run_theirs

LONG, SHORT = 2_000, 55
"""Lengths of prompts in `streamui bench`, with the tokens of a chat template."""


def beside_a_long_prompt() -> list[Arrival]:
    """Return a running answer, a long prompt that comes when it is settled, and a short one a little later."""
    return [Arrival(0, SHORT, 2_000), Arrival(1, LONG, 4), Arrival(1.005, SHORT, 4)]


def warmed_up(arrivals: list[Arrival]) -> list[Arrival]:
    """Return earlier requests beside a running answer, from which the pace is known, and then ``arrivals``."""
    before = [Arrival(0, SHORT, 400), *(Arrival(0.1 * n, 300, 4) for n in range(1, 6))]
    end = 100.0
    later = [Arrival(end + arrival.at, arrival.prompt, arrival.answer) for arrival in arrivals]
    arrivals[:] = later
    return [*before, *later]


def test_on_a_gpu_a_short_prompt_beside_a_long_one_starts_sooner_than_with_llama_server() -> None:
    ours, theirs = beside_a_long_prompt(), beside_a_long_prompt()
    run(H100, warmed_up(ours))
    run_theirs(H100, theirs)
    assert ours[2].first < 0.5 * theirs[2].first


def test_on_a_gpu_a_long_prompt_is_not_read_in_the_smallest_chunks() -> None:
    ours, theirs = beside_a_long_prompt(), beside_a_long_prompt()
    run(H100, warmed_up(ours))
    run_theirs(H100, theirs)
    assert ours[1].first < 3 * theirs[1].first  # 18 times with chunks of 8 tokens
    running, long = ours[0], ours[1]
    assert max(running.gaps(long.at, long.tokens[0])) < 0.25 * max(theirs[0].gaps(1, theirs[1].tokens[0]))


def test_on_a_gpu_many_that_arrive_at_once_start_as_soon_as_with_llama_server() -> None:
    ours, theirs = ([Arrival(1, SHORT, 60) for _ in range(16)] for _ in range(2))
    run(H100, warmed_up(ours))
    run_theirs(H100, theirs)
    assert median(each.first for each in ours) <= 1.0 * median(each.first for each in theirs)


def test_on_a_cpu_the_smallest_chunk_stays() -> None:
    ours = beside_a_long_prompt()
    run(TWO_CORES, warmed_up(ours))
    running, long = ours[0], ours[1]
    gaps = running.gaps(long.at, long.tokens[0])
    assert median(gaps) == pytest.approx(TWO_CORES.seconds(1, 8))


def test_a_size_that_was_too_expensive_is_tried_again_seldom() -> None:
    ours = [Arrival(0, SHORT, 10_000), Arrival(1, 40_000, 4)]
    run(TWO_CORES, ours)
    gaps = ours[0].gaps(10, ours[1].tokens[0])
    longer = [gap for gap in gaps if gap > 1.01 * TWO_CORES.seconds(1, 8)]
    assert 1 <= len(longer) <= len(gaps) / 250


@pytest.mark.parametrize("machine", [Machine(0.002, 0.0006, 0.0022, 0.00002), H100])
def test_a_machine_that_becomes_slow_at_reading_gets_small_chunks_again(machine: Machine) -> None:
    pace = PrefillBudget(most=512)
    for each in (machine, TWO_CORES):
        for _ in range(60):
            pace.learn(writing=1, reading=0, seconds=each.seconds(1, 0))
            budget = pace.budget(writing=1, settled=True, readers=1)
            pace.learn(writing=1, reading=budget, seconds=each.seconds(1, budget))
    assert budget <= 2 * SMALLEST_CHUNK
