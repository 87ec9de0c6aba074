"""Lines of an upstream's stream."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.writers.upstream.sse_lines import MAX_LINE, LineTooLongError, SseLines

LINES = st.lists(st.sampled_from([b"data: one", b"data:two", b"error: x", b"", b": note", b"event: y", b"data: "]))


@given(lines=LINES, cuts=st.lists(st.integers(0, 80)))
def test_the_data_of_lines_is_the_same_however_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    reader = SseLines()
    found = [data for begin, end in pairwise(places) for data in reader.fed(whole[begin:end])]
    assert found == [line.split(b":")[1].strip() for line in lines if line.startswith((b"data", b"error"))]


@pytest.mark.parametrize("part", [1000, MAX_LINE // 2, 2 * MAX_LINE])
@pytest.mark.parametrize("ends", [b"", b"\ndata: x\n"])
def test_a_line_that_is_too_long_is_refused(part: int, ends: bytes) -> None:
    reader, whole = SseLines(), b"data: ok\ndata: " + b"x" * MAX_LINE + ends
    with pytest.raises(LineTooLongError):
        for begin in range(0, len(whole), part):
            reader.fed(whole[begin : begin + part])


def test_many_lines_may_be_longer_together() -> None:
    line = b"data: " + b"x" * (MAX_LINE // 2) + b"\n"
    assert len(SseLines().fed(3 * line)) == 3
