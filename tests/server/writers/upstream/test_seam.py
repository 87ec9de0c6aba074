"""The seam between a text and what continues it, and the marks around reasoning."""

from hypothesis import given
from hypothesis import strategies as st

from server.writers.upstream.seam import Seam
from server.writers.upstream.thought_marks import ThoughtMarks

TEXTS = st.text("ab \n", max_size=12)
PIECES = st.lists(st.text("ab \n", min_size=1, max_size=4), max_size=6)


@given(written=TEXTS, rest=PIECES, trims=st.booleans(), echoes=st.booleans())
def test_a_continued_text_is_the_whole_text(written: str, rest: list[str], trims: bool, echoes: bool) -> None:
    """``trims``: the upstream writes the white space again that was not sent to it."""
    seam = Seam(written, echoes=echoes)
    assert seam.sent == written.rstrip()
    white = written[len(seam.sent) :] if trims else ""
    text = "".join(rest)
    if not trims and text[:1].isspace():
        return  # then it is not known which white space that is
    pieces = [*(seam.sent if echoes else ""), *white, *rest]
    new = "".join(map(seam.fed, pieces)) + seam.ended()
    assert written + new == written + text


@given(pieces=PIECES)
def test_without_a_text_before_it_nothing_is_dropped(pieces: list[str]) -> None:
    seam = Seam("", echoes=True)
    assert "".join(map(seam.fed, pieces)) + seam.ended() == "".join(pieces)


def test_a_beginning_like_an_echo_that_is_none_is_kept() -> None:
    seam = Seam("abc", echoes=True)
    assert [seam.fed("ab"), seam.fed("x")] == ["", "abx"]
    seam = Seam("abc", echoes=True)
    assert [seam.fed("ab"), seam.ended()] == ["", "ab"]


def test_reasoning_is_between_marks_once() -> None:
    marks = ThoughtMarks()
    chunks = [("a", ""), ("b", ""), ("", "c"), ("", "d")]
    assert [marks.text(*chunk) for chunk in chunks] == ["<think>\na", "b", "\n</think>\n\nc", "d"]


def test_a_thought_that_was_cut_is_continued_without_a_second_mark() -> None:
    assert ThoughtMarks("<think>\nI").text(" see", "") == " see"
    assert ThoughtMarks("<think>\nI").text("", " see</think>") == " see</think>"
