"""The state of one generation."""

import pytest

from server.engine.base import Choice, GenerationRequest, Limit, Phase, SamplingParams, TokenLogprob
from server.engine.resuming import fit
from server.engine.sequence import SETTLED, Sequence


def sequence(prompt: int = 3, written: int = 0, context: int = 100, **sampling: int) -> Sequence:
    request = GenerationRequest(
        id="a",
        prompt=tuple(range(prompt)),
        sampling=SamplingParams(**sampling),  # type: ignore[arg-type]
        received=0.0,
        written=tuple(range(100, 100 + written)),
    )
    return Sequence(request, context)


def test_a_phase_never_goes_back() -> None:
    a = sequence()
    assert (a.phase, a.begun) == (Phase.QUEUED, False)
    a.admit(0, cached=1, now=1.0)
    assert a.phase is Phase.PREFILL
    a.send_back()
    assert a.phase is Phase.PREFILL
    a.admit(1, cached=0, now=2.0)
    a.extend(7, now=3.0)
    a.send_back()
    assert (a.phase, a.slot, a.computed, a.missing) == (Phase.DECODE, None, 0, 4)


def test_progress_is_reported_once_and_never_again_after_a_loss() -> None:
    a = sequence(prompt=10)
    a.admit(0, cached=2, now=1.0)
    told = []
    for computed in (2, 5, 0, 4, 5, 9):
        a.rewind(computed)
        told.append(a.has_new_progress(a.computed))
    assert told == [False, True, False, False, False, True]
    a.rewind(10)
    a.extend(7, now=2.0)
    assert not a.has_new_progress(a.computed)


def test_a_greedy_answer_is_computed_again_token_by_token() -> None:
    a = sequence(prompt=10, written=5, temperature=0)
    a.admit(0, cached=0, now=1.0)
    assert (a.ahead, a.stepping) == (10, False)
    a.computed = 9
    assert (a.ahead, a.stepping) == (1, False)
    for computed in range(10, 15):
        a.computed = computed
        assert (a.ahead, a.stepping) == (1, True)
    a.send_back()
    assert (a.ahead, a.missing) == (10, 15)


def test_any_other_answer_is_read_at_once() -> None:
    a = sequence(prompt=10, written=5)
    a.admit(0, cached=4, now=1.0)
    assert (a.ahead, a.stepping) == (11, False)
    assert a.borrowable().tolist() == a.tokens


def test_a_greedy_answer_borrows_what_is_read_at_once_and_leaves_two_tokens_to_read() -> None:
    a = sequence(prompt=10, written=5, temperature=0)
    assert a.borrowable().tolist() == list(range(9))  # of which the last is left over, as of every prompt
    assert sequence(prompt=1, temperature=0).borrowable().tolist() == []


def test_shifted_context_can_not_be_recomputed() -> None:
    a = sequence(prompt=10, written=5, temperature=0)
    a.drop(4, 3)
    assert a.ahead == a.missing
    b = sequence(prompt=10, written=95, context=100, temperature=0)
    fit(b, 100, 4)
    assert b.ahead == b.missing == 58


def test_limits_are_named() -> None:
    a = sequence(max_tokens=2)
    a.extend(7, now=1.0)
    assert a.limit is None
    a.extend(8, now=1.0)
    assert a.limit is Limit.MAX_TOKENS
    assert sequence(prompt=9, context=10).limit is None
    assert sequence(prompt=9, written=1, context=10).limit is Limit.CONTEXT
    assert sequence(written=2, max_tokens=2).limit is Limit.MAX_TOKENS


def test_sequence_is_settled_by_tokens_of_this_engine() -> None:
    a = sequence(written=50)
    for _ in range(SETTLED):
        assert not a.settled
        a.extend(7, now=1.0)
    assert a.settled


def test_others_may_continue_from_what_is_computed_up_to_where_something_was_pushed_out() -> None:
    a = sequence(prompt=10)
    a.admit(0, cached=0, now=1.0)
    assert a.reusable.tolist() == []
    a.computed = 10
    a.extend(77, now=1.0)
    assert a.reusable.tolist() == list(range(10))
    a.drop(4, 3)
    assert a.tokens == [0, 1, 2, 3, 7, 8, 9, 77]
    assert (a.computed, a.missing) == (7, 1)
    assert a.reusable.tolist() == [0, 1, 2, 3]
    a.rewind(0)
    a.computed = 8
    assert a.reusable.tolist() == [0, 1, 2, 3, 7, 8, 9, 77]


@pytest.mark.parametrize("written", [10, 26, 27, 28, 200])
def test_an_answer_that_continues_fits_as_it_did_before(written: int) -> None:
    context, anchors = 32, 4
    before = sequence(prompt=6, context=context)
    for token in range(100, 100 + written):
        before.extend(token, now=1.0)
        if before.limit:
            before.computed = len(before.tokens) - 1
            before.drop(anchors, before.older_half(anchors))
    after = sequence(prompt=6, written=written, context=context)
    fit(after, context, anchors)
    assert after.tokens == before.tokens == after.context().tolist()
    assert after.completion_tokens == written


def test_cached_tokens_are_those_of_the_prompt_when_it_first_got_a_slot() -> None:
    a = sequence(prompt=3, written=5)
    a.admit(0, cached=7, now=1.0)
    a.send_back()
    a.admit(0, cached=0, now=2.0)
    finished = a.finished(reason=None, now=3.0)  # type: ignore[arg-type]
    assert (finished.usage.cached_tokens, finished.usage.prompt_tokens) == (3, 3)


def test_a_piece_tells_the_tokens_since_the_last_one() -> None:
    a = sequence()
    choice = Choice(TokenLogprob(b"x", -1.0), ())
    a.extend(7, 1.0, choice)
    a.extend(8, 1.0, choice)
    piece = a.piece("xy")
    assert (piece.tokens, piece.choices, piece.completion_tokens) == ((7, 8), (choice, choice), 2)
    assert a.piece("z").tokens == ()
