"""Places in the newest answer of a plain connection (PROTOCOL 10.9, 10.10)."""

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Accepted, AlternativesRequest, ForkPoint, Generate, Token
from protocol.plain_places import Places, text_of


def places() -> Places:
    """Return the places of an answer with three pieces."""
    found = Places()
    found.record(Accepted(id="p", epoch="e", position=0))
    found.record(Token(id="p", seq=3, n=3, text="a b c"))
    return found


@pytest.mark.parametrize(("rest", "seq"), [("", 4), ("1", 1), ("4", 4), ("-1", 3), ("-3", 1)])
def test_a_place_is_a_number_or_counts_back_from_the_end(rest: str, seq: int) -> None:
    assert places().alternatives(rest) == AlternativesRequest(id="p", seq=seq)


@pytest.mark.parametrize("rest", ["x", "-4", "1.5", "1 2"])
def test_no_place_is_an_error(rest: str) -> None:
    error = places().alternatives(rest)
    assert isinstance(error, RemoteProtocolError)
    assert error.code == ErrorCode.INVALID_FIELD


def test_there_is_no_place_before_the_first_answer() -> None:
    for error in (Places().alternatives(""), Places().fork("1")):
        assert isinstance(error, RemoteProtocolError)
        assert error.code == ErrorCode.UNKNOWN_ID


def test_a_fork_may_have_a_text() -> None:
    assert places().fork("2") == Generate(from_=ForkPoint(id="p", seq=2))
    assert places().fork('-1 " dog"') == Generate(from_=ForkPoint(id="p", seq=3, text=" dog"))


@pytest.mark.parametrize(
    ("given", "text"), [("dog", "dog"), ('" dog"', " dog"), ('"dog', '"dog'), ('"\udc8e"', '"\udc8e"')]
)
def test_text_may_be_in_quotes(given: str, text: str) -> None:
    assert text_of(given) == text
