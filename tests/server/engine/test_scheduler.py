"""Who computes what: pure decisions, seen without any model."""

import pytest

from server.engine.base import GenerationRequest, SamplingParams
from server.engine.scheduler import Plan, Scheduler
from server.engine.sequence import Sequence


def sequence(id: str, prompt: int = 3) -> Sequence:
    request = GenerationRequest(id=id, prompt=tuple(range(prompt)), sampling=SamplingParams(), received=0.0)
    return Sequence(request, context=1000)


def carry_out(plan: Plan) -> None:
    """What the worker does with a plan: book the tokens, and choose one where the share is complete."""
    for share in plan.shares:
        share.sequence.computed += share.count
        if share.complete:
            share.sequence.extend(7, now=0.0)


def filled(slots: int, chunk: int, *sequences: Sequence) -> Scheduler:
    scheduler = Scheduler(slots=slots, chunk=chunk)
    for each in sequences:
        scheduler.add(each)
    scheduler.admit(now=0.0)
    return scheduler


def test_an_empty_scheduler_is_idle_and_plans_nothing() -> None:
    scheduler = Scheduler(slots=2, chunk=8)
    assert scheduler.idle
    assert scheduler.plan() == Plan([], [])


def test_those_who_came_first_get_the_slots_lowest_first_and_the_others_wait() -> None:
    a, b, c = sequence("a"), sequence("b"), sequence("c")
    scheduler = filled(2, 8, a, b, c)
    assert (a.slot, b.slot, c.slot) == (0, 1, None)
    assert scheduler.waiting == (c,)


def test_the_lowest_free_slot_is_given_again() -> None:
    a, b, c = sequence("a"), sequence("b"), sequence("c")
    scheduler = filled(2, 8, a, b, c)
    scheduler.remove(a)
    assert scheduler.admit(now=0.0) == [c]
    assert c.slot == 0


def test_a_prompt_is_read_in_chunks_and_only_its_last_row_wants_logits() -> None:
    scheduler = filled(1, 4, sequence("a", prompt=6))
    first = scheduler.plan()
    assert [(row.token, row.position, row.logits) for row in first.rows] == [(n, n, False) for n in range(4)]
    carry_out(first)
    second = scheduler.plan()
    assert [(row.position, row.logits) for row in second.rows] == [(4, False), (5, True)]
    assert second.shares[0].complete


def test_those_who_write_go_on_while_a_long_prompt_is_read() -> None:
    writer, reader = sequence("writer"), sequence("reader", prompt=100)
    scheduler = filled(2, 8, writer)
    carry_out(scheduler.plan())
    scheduler.add(reader)
    scheduler.admit(now=0.0)
    for _ in range(5):
        plan = scheduler.plan()
        assert {share.sequence.id: share.count for share in plan.shares} == {"writer": 1, "reader": 8}
        carry_out(plan)


def test_readers_share_one_chunk() -> None:
    scheduler = filled(3, 8, sequence("a", prompt=5), sequence("b", prompt=50), sequence("c", prompt=50))
    assert [(share.sequence.id, share.count) for share in scheduler.plan().shares] == [("a", 5), ("b", 3)]


def test_rows_are_in_the_order_of_their_slots() -> None:
    a, b, c = sequence("a"), sequence("b"), sequence("c")
    scheduler = filled(2, 8, a, b)
    carry_out(scheduler.plan())
    scheduler.remove(a)
    scheduler.add(c)
    scheduler.admit(now=0.0)
    slots = [row.slot for row in scheduler.plan().rows]
    assert slots == sorted(slots) == [0, 0, 0, 1]


@pytest.mark.parametrize("waits", [True, False])
def test_what_is_removed_is_not_found_any_more(waits: bool) -> None:
    a, b = sequence("a"), sequence("b")
    scheduler = filled(1, 8, a, b)
    removed, kept = (b, a) if waits else (a, b)
    scheduler.remove(removed)
    assert scheduler.find(removed.id) is None
    assert scheduler.find(kept.id) is kept
