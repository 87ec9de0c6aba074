"""Duration of an answer's thoughts."""

from math import nan

import pytest

from server.conversations.thoughts import thought_times
from server.conversations.values import MAX_THOUGHTS


def arrivals(*pieces: tuple[str, float]) -> tuple[tuple[int, float], ...]:
    return tuple((len(text), at) for text, at in pieces)


def times(*pieces: tuple[str, float], written: str = "", earlier: tuple[int, ...] = ()) -> tuple[int, ...]:
    return thought_times(written, "".join(text for text, _ in pieces), arrivals(*pieces), earlier)


def test_an_answer_without_thinking_has_no_times() -> None:
    assert times(("Hello", 1.0), (" you", 2.0)) == ()
    assert times() == ()


def test_a_thought_takes_from_its_first_piece_to_the_mark_that_ends_it() -> None:
    assert times(("<think>\nHm", 10.0), (", well", 12.0), ("</think>", 27.25), ("Yes.", 40.0)) == (17_250,)


def test_a_mark_in_several_pieces_is_one_mark() -> None:
    assert times(("<th", 10.0), ("ink>Hm", 11.0), ("</thi", 15.0), ("nk>", 16.0), ("Yes", 20.0)) == (4000,)


def test_a_thought_that_began_in_the_prompt_takes_from_the_first_piece() -> None:
    assert times(("Hm.", 3.0), (" Well.", 4.0), ("</think>", 5.5), ("Yes.", 9.0)) == (2500,)


def test_a_thought_that_never_ends_takes_until_the_last_piece() -> None:
    assert times(("<think>", 3.0), ("Hm", 4.0), ("…", 9.0)) == (6000,)


def test_each_thought_has_its_own_time() -> None:
    pieces = [("<think>a", 1.0), ("</think>", 2.0), ("<think>b", 5.0), ("</think>", 8.0), ("Yes", 9.0)]
    assert times(*pieces) == (1000, 3000)


@pytest.mark.parametrize(
    ("written", "earlier", "expected"),
    [
        ("<think>Hm", (2000,), (5000,)),  # cut in the thought
        ("<think>Hm", (), (3000,)),  # by a server that did not keep it
        ("<think>Hm</think>", (2000,), (2000,)),
        ("<think>Hm</think>Well,", (2000,), (2000,)),
    ],
)
def test_a_continued_answer_keeps_what_it_took_before(
    written: str, earlier: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    in_thought = not written.endswith(("</think>", ","))
    rest = [(" well", 100.0), ("</think>" if in_thought else " so", 103.0), ("Yes.", 104.0)]
    assert times(*rest, written=written, earlier=earlier) == expected


def test_pieces_of_an_earlier_server_have_no_times() -> None:
    assert times(("<think>", nan), ("Hm", 4.0), ("</think>", 5.0)) == (1000,)
    assert times(("<think>", nan), ("Hm", nan), ("</think>", nan), ("Yes", 5.0)) == (0,)


def test_a_generation_that_is_gone_keeps_what_was_known() -> None:
    assert thought_times("<think>Hm", "", (), (2000,)) == (2000,)


def test_only_so_many_thoughts_are_timed() -> None:
    assert len(times(*[("<think>a</think>", float(number)) for number in range(MAX_THOUGHTS + 5)])) == MAX_THOUGHTS
