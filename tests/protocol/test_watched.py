"""Rules for what a server may send of a generation, and when."""

import pytest

from protocol.errors import LocalProtocolError
from protocol.messages import Accepted, Attached, Done, GenerationState, Snapshot, Token
from protocol.watched import Event, Watched
from tests.protocol.samples import done

ACCEPTED = Accepted(id="g", epoch="e", position=0)
ATTACHED = Attached(id="g", epoch="e", recovered=True, from_=3, to=7)
LOST = Attached(id="g", epoch="e", recovered=False, from_=0, to=7)
DONE = done("g", "", 1)


def token(seq: int, n: int = 1, text: str = "x") -> Token:
    return Token(id="g", seq=seq, n=n, text=text)


def snapshot(seq: int) -> Snapshot:
    return Snapshot(id="g", epoch="e", seq=seq, text="x" * seq)


GOOD: list[list[Event]] = [
    [ACCEPTED, token(1), token(4, n=3), done("g", "xx", 5)],
    [ACCEPTED, DONE],
    [ACCEPTED, DONE, ACCEPTED, token(1)],
    [ACCEPTED, token(1), snapshot(5), token(6)],
    [ACCEPTED, token(1), token(2), Attached(id="g", epoch="e", recovered=True, from_=1, to=2), token(2)],
    [ATTACHED, token(4), done("g", "", 5)],
    [LOST, snapshot(7), token(8)],
    [LOST, snapshot(0), DONE],
    [ACCEPTED, DONE, Attached(id="g", epoch="e", recovered=True, from_=0, to=1), DONE],
]

BAD: list[tuple[list[Event], Event]] = [
    ([], token(1)),
    ([], DONE),
    ([], snapshot(0)),
    ([ACCEPTED], ACCEPTED),
    ([ATTACHED], ACCEPTED),
    ([ACCEPTED], token(2)),
    ([ACCEPTED], token(1, n=0)),
    ([ACCEPTED], token(1, text="")),
    ([ACCEPTED, token(1)], token(1)),
    ([ACCEPTED, token(1)], token(2, n=2)),
    ([ACCEPTED, token(3, n=3)], token(5)),
    ([ACCEPTED, token(3, n=3)], snapshot(2)),
    ([ACCEPTED, token(1)], DONE),
    ([ACCEPTED], done("g", "", 2)),
    ([ACCEPTED], done("g", "", 1, phase=GenerationState.DONE)),
    ([ACCEPTED, DONE], DONE),
    ([ACCEPTED, DONE], token(2)),
    ([ACCEPTED, DONE], snapshot(2)),
    ([ATTACHED], token(3)),
    ([ATTACHED], token(1)),
    ([LOST], token(1)),
    ([LOST], DONE),
    ([], Attached(id="g", epoch="e", recovered=False, from_=1, to=7)),
]


@pytest.mark.parametrize("events", GOOD)
def test_an_order_that_is_allowed(events: list[Event]) -> None:
    watched = Watched()
    for event in events:
        watched.record(event)
    assert watched.ids == (() if isinstance(events[-1], Done) else ("g",))


@pytest.mark.parametrize(("before", "event"), BAD)
def test_an_order_that_is_not(before: list[Event], event: Event) -> None:
    watched = Watched()
    for earlier in before:
        watched.record(earlier)
    ids = watched.ids
    with pytest.raises(LocalProtocolError, match=r"^g: "):
        watched.record(event)
    assert watched.ids == ids


def test_a_refused_event_changes_nothing() -> None:
    watched = Watched()
    watched.record(ACCEPTED)
    with pytest.raises(LocalProtocolError):
        watched.record(token(2))
    watched.record(token(1))


def test_the_newest_is_the_last_accepted_or_attached() -> None:
    watched = Watched()
    for id in "abc":
        watched.record(Accepted(id=id, epoch="e", position=0))
    watched.record(Attached(id="a", epoch="e", recovered=True, from_=0, to=0))
    assert list(watched.ids) == ["b", "c", "a"]
    watched.forget("c")
    watched.forget("unknown")
    assert list(watched.ids) == ["b", "a"]
