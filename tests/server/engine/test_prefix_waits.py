"""The sequences that wait for another one's prompt, without a model."""

import pytest

from server.engine.base import GenerationRequest, SamplingParams
from server.engine.prefix_waits import WORTH_WAITING, PrefixWaits, will_share
from server.engine.scheduler import Scheduler
from server.engine.sequence import Sequence


def sequence(id: str, prompt: list[int], slot: int | None = None, **sampling: float) -> Sequence:
    params = SamplingParams(**sampling)  # type: ignore[arg-type]
    made = Sequence(GenerationRequest(id=id, prompt=tuple(prompt), sampling=params, received=0.0), context=5000)
    if slot is not None:
        made.admit(slot, 0, now=0.0)
    return made


def group(count: int, shared: int) -> list[Sequence]:
    """Return running sequences with ``shared`` tokens in common and 50 of their own."""
    return [sequence(str(n), [1] * shared + [10 + n] * 50, slot=n) for n in range(count)]


def waiting(waits: PrefixWaits, running: list[Sequence]) -> dict[str, tuple[str, int]]:
    waits.update(running)
    return {each.id: (wait.leader.id, wait.shared) for each, wait in waits.waiting.items()}


def test_others_wait_for_the_oldest_and_continue_where_their_prompts_differ() -> None:
    a, b, c = running = group(3, 200)
    waits = PrefixWaits()
    assert waiting(waits, running) == {"1": ("0", 200), "2": ("0", 200)}
    assert waits.turns == {a: 200}
    a.computed = 199
    assert waiting(waits, running).keys() == {"1", "2"}
    a.computed = 200
    assert waiting(waits, running) == {}
    assert waits.due == [b, c]


@pytest.mark.parametrize(("shared", "waits"), [(WORTH_WAITING - 1, False), (WORTH_WAITING, True)])
def test_a_short_beginning_is_not_waited_for(shared: int, waits: bool) -> None:
    assert bool(waiting(PrefixWaits(), group(2, shared))) is waits


def test_what_a_sequence_has_is_not_waited_for() -> None:
    a, b = group(2, 200)
    a.computed, b.computed = 150, 140
    assert waiting(PrefixWaits(), [a, b]) == {}


def test_the_one_that_has_read_most_is_waited_for() -> None:
    a, b = group(2, 200)
    b.computed = 1
    assert waiting(PrefixWaits(), [a, b]) == {"0": ("1", 200)}


def test_a_sequence_waits_for_the_longest_beginning_through_a_chain() -> None:
    a = sequence("a", [1] * 100 + [2] * 400, slot=0)
    b = sequence("b", [1] * 100 + [3] * 400, slot=1)
    c = sequence("c", [1] * 100 + [3] * 400, slot=2)
    waits = PrefixWaits()
    assert waiting(waits, [a, b, c]) == {"b": ("a", 100), "c": ("b", 498)}
    a.computed = 70
    assert [waits.read(each) for each in (a, b, c)] == [70, 70, 70]
    a.computed = 100
    assert waiting(waits, [a, b, c]) == {"c": ("b", 498)}
    assert waits.due == [b]
    waits.served(b)
    waits.update([a, b, c])
    assert waits.due == []


def test_a_wait_ends_with_the_sequence_that_was_waited_for() -> None:
    _, b, c = running = group(3, 200)
    waits = PrefixWaits()
    waits.update(running)
    assert waiting(waits, [b, c]) == {"2": ("1", 200)}
    assert waits.due == [b]
    waits.update([])
    assert (waits.due, waits.waiting, waits.turns) == ([], {}, {})


def test_a_wait_leaves_two_tokens_to_read_together() -> None:
    for prompt in ([1] * 200, [1] * 198 + [2, 2], [1] * 199 + [2]):
        other = [1] * 200
        one, two = sequence("one", prompt, slot=0), sequence("two", other, slot=1)
        assert waiting(PrefixWaits(), [one, two]) == {"two": ("one", 198)}


def test_an_answer_is_neither_waited_for_nor_waits() -> None:
    a, b = group(2, 200)
    a.computed = len(a.tokens)
    a.extend(7, now=1.0)
    a.rewind(0)
    assert a.ahead > 1
    assert waiting(PrefixWaits(), [a, b]) == {}


def test_newcomer_will_share_what_is_still_being_read() -> None:
    (a,) = group(1, 200)
    newcomer, short = sequence("new", [1] * 200 + [5] * 9), sequence("short", [1] * (WORTH_WAITING + 1))
    assert will_share(a, newcomer)
    assert not will_share(a, short)
    a.computed = 200
    assert not will_share(a, newcomer)
    assert not will_share(sequence("queued", [1] * 300), newcomer)


def test_a_chunk_ends_where_others_continue_and_leaves_no_token_alone() -> None:
    a, b, other = sequence("a", [1] * 200), sequence("b", [1] * 300), sequence("c", [2] * 150)
    scheduler = Scheduler(slots=3)
    for slot, each in enumerate((a, b, other)):
        scheduler.add(each)
        scheduler.admit(each, slot, 0, now=0.0)
    waits = PrefixWaits()
    waits.update(scheduler.running)
    assert waits.turns == {a: 198}

    def counts(budget: int) -> dict[str, int]:
        plan = scheduler.plan(budget, {}, held=list(waits.waiting), turns=waits.turns)
        return {share.sequence.id: share.count for share in plan.shares}

    assert counts(400) == {"a": 198, "c": 150}
    assert counts(197 + 150) == {"a": 196, "c": 150}
