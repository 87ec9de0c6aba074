"""Rules for a cursor's movement along a log."""

from typing import Any

import pytest

from protocol.cursor import Cursor
from protocol.errors import RemoteProtocolError
from protocol.messages import Attached, AttachPoint, Done, Instruction, Snapshot, Steered, Token
from tests.protocol.samples import done


def token(seq: int, text: str, n: int = 1) -> Token:
    return Token(id="g", seq=seq, n=n, text=text)


def attached(from_: int, to: int = 9, epoch: str = "e", recovered: bool = True) -> Attached:
    return Attached(id="g", epoch=epoch, recovered=recovered, from_=from_, to=to)


def snapshot(seq: int, text: str, epoch: str = "e") -> Snapshot:
    return Snapshot(id="g", epoch=epoch, seq=seq, text=text)


def read(*events: Token | Steered | Snapshot | Done) -> Cursor:
    cursor = Cursor("g", "e")
    for event in events:
        cursor.apply(event)
    return cursor


def facts(cursor: Cursor) -> tuple[Any, ...]:
    return cursor.seq, cursor.text, cursor.chars, cursor.epoch, cursor.done


HALF = (token(1, "Hé"), token(4, " 🙂!", n=3))
END = done("g", "Hé 🙂!", 5)


def test_pieces_add_up() -> None:
    assert facts(read(*HALF)) == (4, "Hé 🙂!", 5, "e", None)


def test_done_takes_the_next_number() -> None:
    assert facts(read(*HALF, END)) == (5, "Hé 🙂!", 5, "e", END)


def test_an_answer_may_be_empty() -> None:
    assert facts(read(done("g", "", 1)))[:3] == (1, "", 0)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (token(6, "x"), "pieces are missing: token holds 6 to 6 after 4"),
        (token(4, "x"), "pieces come twice: token holds 4 to 4 after 4"),
        (token(5, "x", n=2), "pieces come twice: token holds 4 to 5 after 4"),
        (token(3, "x"), "pieces come twice"),
        (snapshot(3, "Hé"), "goes back behind 4"),
        (done("g", "Hé 🙂!", 4), "done has number 4, 5 is next"),
        (done("g", "Hé 🙂!", 6), "done has number 6, 5 is next"),
        (done("g", "Hé 🙂!", 5, chars=6), "done counts 6 characters, 5 came"),
        (done("g", "Hé 🙂?", 5), "sha256"),
    ],
)
def test_event_out_of_order_changes_nothing(event: Token | Snapshot | Done, why: str) -> None:
    cursor = read(*HALF)
    before = facts(cursor)
    with pytest.raises(RemoteProtocolError, match=why) as caught:
        cursor.apply(event)
    assert caught.value.id == "g"
    assert facts(cursor) == before


def test_a_snapshot_replaces_the_text() -> None:
    cursor = read(*HALF, snapshot(7, "Hé 🙂! ok", epoch="e2"), token(8, "."))
    assert facts(cursor) == (8, "Hé 🙂! ok.", 9, "e2", None)


def test_attach_continues_where_it_was() -> None:
    cursor = read(*HALF)
    cursor.attach(attached(4), chars=5)
    cursor.apply(token(5, "x"))
    assert cursor.text == "Hé 🙂!x"


def test_attach_goes_back_to_where_it_was_asked_for() -> None:
    cursor = read(*HALF)
    cursor.attach(attached(1), chars=2)
    assert facts(cursor) == (1, "Hé", 2, "e", None)
    cursor.apply(HALF[1])
    cursor.apply(END)
    assert cursor.done is END


def test_attach_from_the_start_reads_everything_again() -> None:
    cursor = read(*HALF, END)
    cursor.attach(attached(0, epoch="e2"), chars=0)
    assert facts(cursor) == (0, "", 0, "e2", None)


@pytest.mark.parametrize(
    ("answer", "chars", "why"),
    [
        (attached(2), None, "not asked for"),
        (attached(4, epoch="e2"), 5, "epoch e2, not e"),
        (attached(4, recovered=False), 5, "without recovering"),
        (attached(6), 6, "of which the text was not read"),
    ],
)
def test_an_attach_that_would_leave_a_hole(answer: Attached, chars: int | None, why: str) -> None:
    cursor = read(*HALF)
    before = facts(cursor)
    with pytest.raises(RemoteProtocolError, match=why):
        cursor.attach(answer, chars)
    assert facts(cursor) == before


@pytest.mark.parametrize("event", [token(1, "x"), done("g", "", 1)])
def test_a_lost_cursor_waits_for_its_snapshot(event: Token | Done) -> None:
    cursor = read(*HALF)
    cursor.attach(attached(0, epoch="e2", recovered=False), chars=0)
    with pytest.raises(RemoteProtocolError, match="snapshot must follow"):
        cursor.apply(event)
    cursor.apply(snapshot(2, "Oh", epoch="e2"))
    cursor.apply(done("g", "Oh", 3))
    assert cursor.text == "Oh"


def test_the_point_to_continue_from() -> None:
    assert read(*HALF).point == AttachPoint(id="g", epoch="e", after=4)
    assert (read(*HALF).text_seq, read(*HALF, END).text_seq) == (4, 4)


def test_attach_goes_forward_again_to_what_was_read_before() -> None:
    cursor = read(*HALF)
    cursor.attach(attached(0), chars=0)
    cursor.apply(HALF[0])
    cursor.attach(attached(4), chars=5)
    assert facts(cursor) == (4, "Hé 🙂!", 5, "e", None)


def test_text_of_another_epoch_is_not_used() -> None:
    cursor = read(*HALF)
    cursor.attach(attached(0, epoch="e2"), chars=0)
    with pytest.raises(RemoteProtocolError, match="text was not read"):
        cursor.attach(attached(4, epoch="e2"), chars=5)


def test_a_snapshot_puts_an_end_to_what_was_read_before() -> None:
    cursor = read(*HALF)
    cursor.attach(attached(0), chars=0)
    cursor.apply(snapshot(1, "Oh"))
    with pytest.raises(RemoteProtocolError, match="text was not read"):
        cursor.attach(attached(4), chars=5)


def test_an_instruction_takes_a_number_and_no_text() -> None:
    steered = Steered(id="g", seq=5, content="shorter")
    cursor = read(*HALF, steered, token(6, "x"))
    assert cursor.text == "Hé 🙂!x"
    assert list(cursor.instructions) == [Instruction(seq=5, chars=5, content="shorter")]
    cursor.attach(attached(4), chars=5)
    assert list(cursor.instructions) == []
    cursor.apply(steered)
    with pytest.raises(RemoteProtocolError, match="steered has number 5, 6 is next"):
        cursor.apply(steered)
    assert [each.seq for each in cursor.instructions] == [5]


def test_a_snapshot_brings_the_instructions_of_another_log() -> None:
    steered = (Instruction(seq=2, chars=1, content="in French"),)
    cursor = read(*HALF, Steered(id="g", seq=5, content="shorter"))
    cursor.attach(attached(0, epoch="e2"), chars=0)
    assert list(cursor.instructions) == []
    cursor.apply(Snapshot(id="g", epoch="e2", seq=3, text="ab", steered=steered))
    assert list(cursor.instructions) == list(steered)
