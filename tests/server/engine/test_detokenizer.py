"""Text that leaves the engine consists of whole characters, and contains no part of a stop string."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.detokenizer import Detokenizer


def pushed(detokenizer: Detokenizer, chunks: list[bytes]) -> list[str]:
    return [detokenizer.push(chunk) for chunk in chunks]


@pytest.mark.parametrize("text", ["🙂", "漢字", "é", "👩‍👩‍👧", "a🙂b"])
def test_a_character_comes_out_whole_and_when_its_last_byte_has_come(text: str) -> None:
    pieces = pushed(Detokenizer(), [bytes([byte]) for byte in text.encode()])
    assert "".join(pieces) == text
    assert all(not piece or piece in text for piece in pieces)
    assert "\ufffd" not in "".join(pieces)


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert pushed(Detokenizer(), [b"a\xff", b"b"]) == ["a\ufffd", "b"]


def test_an_unfinished_character_is_dropped_at_the_end() -> None:
    detokenizer = Detokenizer()
    assert detokenizer.push(b"a" + "🙂".encode()[:2]) == "a"
    assert detokenizer.flush() == ""


def test_nothing_of_a_stop_string_gets_out() -> None:
    detokenizer = Detokenizer(["<|im_end|>"])
    assert pushed(detokenizer, [b"Hi <", b"|im_", b"end|", b"> more"]) == ["Hi ", "", "", ""]
    assert detokenizer.stopped and detokenizer.found == "<|im_end|>"
    assert detokenizer.push(b"and more") == ""
    assert detokenizer.flush() == ""


def test_text_that_only_began_like_a_stop_string_is_sent() -> None:
    detokenizer = Detokenizer(["STOP"])
    assert pushed(detokenizer, [b"ST", b"O", b"RY"]) == ["", "", "STORY"]
    assert not detokenizer.stopped


def test_held_text_is_sent_when_the_answer_ends() -> None:
    detokenizer = Detokenizer(["STOP"])
    assert detokenizer.push(b"a STO") == "a "
    assert detokenizer.flush() == "STO"


def test_the_earliest_of_several_stop_strings_ends_the_text() -> None:
    detokenizer = Detokenizer(["second", "first"])
    assert detokenizer.push(b"a first and a second") == "a "
    assert detokenizer.stopped


@given(
    text=st.text(alphabet="abé🙂", max_size=40), stop=st.text(alphabet="abé🙂", min_size=1, max_size=4), data=st.data()
)
def test_any_cut_of_the_bytes_gives_the_text_before_the_stop_string(text: str, stop: str, data: st.DataObject) -> None:
    encoded = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(encoded)))))
    edges = [0, *cuts, len(encoded)]
    detokenizer = Detokenizer([stop])
    out = "".join(pushed(detokenizer, [encoded[a:b] for a, b in pairwise(edges)]))
    expected, found, _ = text.partition(stop)
    assert out + detokenizer.flush() == expected
    assert detokenizer.stopped == bool(found)


def test_the_first_of_several_stop_strings_is_reported() -> None:
    detokenizer = Detokenizer(["b", "a"])
    assert (detokenizer.push(b"xab"), detokenizer.found) == ("x", "a")
