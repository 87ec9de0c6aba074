"""Reading an append-only log from a cursor."""

import pytest

from protocol.messages import Done, Token
from server.generations.log import SLICE_BYTES, GenerationLog
from tests.protocol.samples import done


@pytest.fixture
def log() -> GenerationLog:
    log = GenerationLog("g1", "e1")
    for text in ("one", " two", " three"):
        log.append(text)
    return log


def test_an_empty_log_has_nothing_to_read() -> None:
    log = GenerationLog("g1", "e1")
    assert (log.seq, log.pieces, log.text, log.read(0)) == (0, 0, "", None)


@pytest.mark.parametrize(("after", "n", "text"), [(0, 3, "one two three"), (1, 2, " two three"), (2, 1, " three")])
def test_all_that_lies_behind_the_cursor_comes_in_one_message(
    log: GenerationLog, after: int, n: int, text: str
) -> None:
    assert log.read(after) == Token(id="g1", seq=3, n=n, text=text)


def test_at_the_end_there_is_nothing_until_something_comes(log: GenerationLog) -> None:
    assert log.read(3) is None
    log.append(" four")
    assert log.read(3) == Token(id="g1", seq=4, n=1, text=" four")


def test_done_comes_after_the_text_and_only_once(log: GenerationLog) -> None:
    end = done("g1", log.text, 4)
    log.finish(end)
    assert log.seq == 4
    token = log.read(1)
    assert isinstance(token, Token)
    event = log.read(token.seq)
    assert isinstance(event, Done)
    assert event is end
    assert log.read(event.seq) is None


def test_readers_do_not_disturb_each_other(log: GenerationLog) -> None:
    assert log.read(0) == log.read(0)
    assert log.text == "one two three"


def test_a_message_has_about_as_much_text_as_a_slow_line_can_take_and_whole_pieces() -> None:
    log = GenerationLog("g1", "e1")
    for _ in range(5):
        log.append("é" * (SLICE_BYTES // 5))  # two bytes each
    log.append("x" * 3 * SLICE_BYTES)
    reads, after = [], 0
    while isinstance(token := log.read(after), Token):
        reads.append((token.seq, token.n))
        after = token.seq
    assert reads == [(2, 2), (4, 2), (5, 1), (6, 1)]
    assert log.size_at(5) == 10 * (SLICE_BYTES // 5)
    assert log.size == log.size_at(6) == log.size_at(99) == len(log.text.encode())
