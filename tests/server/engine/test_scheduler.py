"""The scheduler's decisions, without a model."""

import random
from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.engine.base import GenerationRequest, SamplingParams
from server.engine.scheduler import WIDEST_FILLED_GAP, Plan, Scheduler
from server.engine.sequence import Sequence


def sequence(id: str, prompt: int = 3, principal: str = "") -> Sequence:
    request = GenerationRequest(
        id=id, prompt=tuple(range(prompt)), sampling=SamplingParams(), received=0.0, principal=principal
    )
    return Sequence(request, context=1000)


def carry_out(plan: Plan) -> None:
    """Carry out a plan as the worker does: record the tokens, and choose one where the share is complete."""
    for share in plan.shares:
        share.sequence.computed += share.count
        if share.output is not None:
            share.sequence.extend(7, now=0.0)


def counts(plan: Plan) -> dict[str, int]:
    return {share.sequence.id: share.count for share in plan.shares}


def admit(scheduler: Scheduler) -> list[Sequence]:
    """Admit a sequence as the batcher does with an empty cache: the lowest free slot for the next one."""
    admitted = []
    while scheduler.free and scheduler.waiting:
        admitted.append(scheduler.waiting[0])
        scheduler.admit(scheduler.waiting[0], min(scheduler.free), cached=0, now=0.0)
    return admitted


def filled(slots: int, *sequences: Sequence) -> Scheduler:
    scheduler = Scheduler(slots=slots)
    for each in sequences:
        scheduler.add(each)
    admit(scheduler)
    return scheduler


def test_an_empty_scheduler_is_idle_and_plans_nothing() -> None:
    scheduler = Scheduler(slots=2)
    assert scheduler.idle
    assert scheduler.plan(8, {}) == Plan([], [], [])


def test_first_sequences_get_the_slots_and_the_others_wait() -> None:
    a, b, c = sequence("a"), sequence("b"), sequence("c")
    scheduler = filled(2, a, b, c)
    assert (a.slot, b.slot, c.slot) == (0, 1, None)
    assert scheduler.waiting == (c,)


def test_a_slot_that_was_left_is_free_again() -> None:
    a, b, c = sequence("a"), sequence("b"), sequence("c")
    scheduler = filled(2, a, b, c)
    scheduler.remove(a)
    assert scheduler.free == {0}
    assert admit(scheduler) == [c]
    assert c.slot == 0


def test_everyone_has_a_fair_share_of_the_queue() -> None:
    running = sequence("g1", principal="greedy")
    greedy = [sequence(f"g{n}", principal="greedy") for n in range(2, 5)]
    modest = [sequence(f"m{n}", principal="modest") for n in range(1, 3)]
    scheduler = filled(1, running, *greedy, *modest)
    assert [waiting.id for waiting in scheduler.waiting] == ["m1", "g2", "m2", "g3", "g4"]


def test_sequence_sent_back_waits_first_and_keeps_its_text() -> None:
    a, b, c = sequence("a"), sequence("b"), sequence("c")
    scheduler = filled(2, a, b, c)
    carry_out(scheduler.plan(8, {}))
    scheduler.send_back(b)
    assert (b.slot, b.computed, b.missing) == (None, 0, 4)
    assert scheduler.waiting == (b, c)
    assert scheduler.running == (a,)


def test_a_prompt_is_read_in_chunks_and_only_its_last_row_wants_logits() -> None:
    scheduler = filled(1, sequence("a", prompt=6))
    first = scheduler.plan(4, {})
    assert [(row.token, row.position, row.logits) for row in first.rows] == [(n, n, False) for n in range(4)]
    carry_out(first)
    second = scheduler.plan(4, {})
    assert [(row.position, row.logits) for row in second.rows] == [(4, False), (5, True)]
    assert second.shares[0].output == 0


def test_the_last_token_of_a_prompt_is_never_read_alone() -> None:
    for prompt in range(2, 40):
        scheduler = filled(1, sequence("a", prompt=prompt))
        read: list[int] = []
        while sum(read) < prompt:
            read.append(scheduler.plan(8, {}).shares[0].count)
            carry_out(scheduler.plan(8, {}))
        assert min(read) > 1


def test_running_answers_continue_while_a_long_prompt_is_read() -> None:
    writer, reader = sequence("writer"), sequence("reader", prompt=100)
    scheduler = filled(2, writer)
    carry_out(scheduler.plan(8, {}))
    scheduler.add(reader)
    admit(scheduler)
    for _ in range(5):
        plan = scheduler.plan(8, {})
        assert {share.sequence.id: share.count for share in plan.shares} == {"writer": 1, "reader": 8}
        assert (plan.writing, plan.reading) == (1, 8)
        carry_out(plan)


def test_a_quarter_of_a_chunk_is_for_who_waited_longest_and_the_rest_for_who_is_nearest_to_its_end() -> None:
    long, short = sequence("long", prompt=500), sequence("short", prompt=30)
    scheduler = filled(3, long, sequence("middle", prompt=200), short)
    assert counts(scheduler.plan(64, {})) == {"long": 16, "middle": 18, "short": 30}
    carry_out(scheduler.plan(64, {}))
    assert short.writing


def test_beside_an_answer_every_reader_gets_a_token_however_small_the_chunk() -> None:
    """Readers' slots may be between those of answers, and a gap would split the batch."""
    writer = sequence("writer")
    scheduler = filled(3, writer)
    carry_out(scheduler.plan(8, {}))
    for id in "ab":
        scheduler.add(sequence(id, prompt=50))
    admit(scheduler)
    assert counts(scheduler.plan(1, {})) == {"writer": 1, "a": 1, "b": 1}


def test_without_an_answer_whole_prompts_are_read_one_after_the_other() -> None:
    scheduler = filled(4, *(sequence(id, prompt=32) for id in "abcd"))
    assert counts(scheduler.plan(64, {})) == {"a": 32, "b": 32}


def test_held_sequence_has_no_row_and_keeps_its_slot() -> None:
    writer, reader = sequence("writer"), sequence("reader", prompt=50)
    scheduler = filled(2, writer)
    carry_out(scheduler.plan(8, {}))
    scheduler.add(reader)
    admit(scheduler)
    assert counts(scheduler.plan(64, {}, held=[writer])) == {"reader": 50}
    assert counts(scheduler.plan(64, {})) == {"writer": 1, "reader": 50}


def test_a_chunk_is_used_up_where_there_is_enough_to_read() -> None:
    scheduler = filled(3, *(sequence(id, prompt=50) for id in "abc"))
    assert scheduler.plan(64, {}).reading == 64


def test_rows_are_in_the_order_of_their_slots_and_outputs_in_that_of_the_rows() -> None:
    a, b, c = sequence("a"), sequence("b"), sequence("c")
    scheduler = filled(2, a, b)
    carry_out(scheduler.plan(8, {}))
    scheduler.remove(a)
    scheduler.add(c)
    admit(scheduler)
    plan = scheduler.plan(8, {})
    slots = [row.slot for row in plan.rows]
    assert slots == sorted(slots) == [0, 0, 0, 1]
    assert [(share.sequence.id, share.output) for share in plan.shares] == [("c", 0), ("b", 1)]


def with_gap(width: int) -> Scheduler:
    """Return two writing sequences with ``width`` free slots between them."""
    sequences = [sequence(str(n)) for n in range(width + 2)]
    scheduler = filled(width + 2, *sequences)
    carry_out(scheduler.plan(512, {}))
    for between in sequences[1:-1]:
        scheduler.remove(between)
    return scheduler


def test_a_narrow_gap_between_slots_is_filled_with_rows_that_want_nothing() -> None:
    scheduler = with_gap(2)
    plan = scheduler.plan(8, {1: 0, 2: 17})
    assert plan.filled == [1, 2]
    assert [(row.slot, row.position, row.logits) for row in plan.rows] == [
        (0, 3, True),
        (1, 0, False),
        (2, 17, False),
        (3, 3, True),
    ]
    assert [share.output for share in plan.shares] == [0, 1]


def test_a_gap_that_is_wide_or_may_not_be_filled_is_left() -> None:
    wide = WIDEST_FILLED_GAP + 1
    assert with_gap(wide).plan(8, dict.fromkeys(range(1, wide + 1), 0)).filled == []
    assert with_gap(2).plan(8, {1: 0}).filled == []


def test_suspect_is_computed_without_the_others() -> None:
    a, b = sequence("a"), sequence("b")
    scheduler = filled(2, a, b)
    assert counts(scheduler.plan(8, {}, only=b)) == {"b": 3}


@pytest.mark.parametrize("waits", [True, False])
def test_removed_sequence_is_not_found(waits: bool) -> None:
    a, b = sequence("a"), sequence("b")
    scheduler = filled(1, a, b)
    removed, kept = (b, a) if waits else (a, b)
    scheduler.remove(removed)
    assert scheduler.find(removed.id) is None
    assert scheduler.find(kept.id) is kept


# Whatever sequences there are


class Wanted(NamedTuple):
    """A sequence of a random run."""

    prompt: int
    answer: int
    principal: str


any_sequences = st.lists(
    st.builds(Wanted, st.integers(1, 300), st.integers(1, 20), st.sampled_from("abc")), min_size=1, max_size=12
)
BATCH = 64


@given(any_sequences, st.integers(1, 8), st.lists(st.integers(1, BATCH), min_size=1), st.randoms())
@settings(deadline=None)
def test_no_batch_is_too_large_and_every_sequence_progresses(
    wanted: list[Wanted], slots: int, budgets: list[int], dice: random.Random
) -> None:
    scheduler = Scheduler(slots=slots)
    left = {}
    for number, (prompt, answer, principal) in enumerate(wanted):
        each = sequence(str(number), prompt, principal)
        scheduler.add(each)
        left[each] = answer
    steps = 0
    while not scheduler.idle:
        steps += 1
        admit(scheduler)
        running = scheduler.running
        before = {each: (each.computed, each.completion_tokens) for each in running}
        fill = {slot: dice.randrange(5) for slot in scheduler.free if dice.random() < 0.7}
        plan = scheduler.plan(min(budgets[steps % len(budgets)], BATCH - slots), fill)
        assert len(plan.rows) <= BATCH
        assert [row.slot for row in plan.rows] == sorted(row.slot for row in plan.rows)
        assert sum(row.logits for row in plan.rows) == sum(share.output is not None for share in plan.shares)
        assert not {share.sequence.slot for share in plan.shares} & set(plan.filled)
        assert len(plan.rows) == sum(share.count for share in plan.shares) + len(plan.filled)
        carry_out(plan)
        moved = {each: (each.computed, each.completion_tokens) > before[each] for each in running}
        assert all(moved.values()) if plan.writing else any(moved.values())
        for each in running:
            if each.completion_tokens >= left[each] or dice.random() < 0.02:
                scheduler.remove(each)
            elif dice.random() < 0.05:
                scheduler.send_back(each)
    assert scheduler.free == frozenset(range(slots))


@given(st.lists(st.sampled_from("aab"), min_size=2, max_size=30))
def test_every_principal_gets_a_slot_before_a_second_one(principals: list[str]) -> None:
    scheduler = filled(len(principals) // 2, *(sequence(str(n), principal=who) for n, who in enumerate(principals)))
    running = Counter(each.request.principal for each in scheduler.running)
    waiting = Counter(each.request.principal for each in scheduler.waiting)
    for who, count in waiting.items():
        assert all(running[who] >= others - 1 for others in running.values()), (who, count)


def test_a_long_prompt_gets_a_quarter_of_each_chunk_however_many_short_ones_come() -> None:
    long = sequence("long", prompt=500)
    scheduler = filled(8, long, *(sequence(str(n), prompt=40) for n in range(7)))
    while not long.writing:
        plan = scheduler.plan(64, {})
        others = len(plan.shares) - 1
        share = next(share.count for share in plan.shares if share.sequence is long)
        assert share >= min((64 - others) // 4, long.missing)
        carry_out(plan)
        for each in [each for each in scheduler.running if each.writing]:
            scheduler.remove(each)
        scheduler.add(sequence(f"new {long.computed}", prompt=40))
        admit(scheduler)
