"""Estimated start times of queued requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.estimate import REMEMBERED, QueueEstimate


def learnt(*seconds: float) -> QueueEstimate:
    estimate = QueueEstimate()
    for each in seconds:
        estimate.learn(each)
    return estimate


def test_without_experience_there_is_no_guess() -> None:
    assert QueueEstimate().starts(elapsed=[1.0], free=0, waiting=2) is None


def test_each_starts_as_another_ends() -> None:
    estimate = learnt(10.0)
    assert estimate.starts(elapsed=[4.0], free=0, waiting=3) == [6.0, 16.0, 26.0]
    assert estimate.starts(elapsed=[4.0, 9.0], free=0, waiting=3) == [1.0, 6.0, 11.0]


def test_with_a_free_slot_the_first_starts_now() -> None:
    assert learnt(10.0).starts(elapsed=[4.0], free=1, waiting=2) == [0.0, 6.0]


def test_overdue_answer_is_not_expected_at_once() -> None:
    assert learnt(10.0).starts(elapsed=[30.0], free=0, waiting=1) == [10.0]


def test_the_mean_of_the_newest_counts() -> None:
    estimate = learnt(2.0, 4.0)
    assert estimate.usual == 3.0
    for _ in range(REMEMBERED):
        estimate.learn(7.0)
    assert estimate.usual == 7.0


@given(st.lists(st.floats(0, 1e4), min_size=1), st.lists(st.floats(0, 1e4)), st.integers(0, 4), st.integers(0, 20))
def test_later_requests_start_no_earlier(took: list[float], elapsed: list[float], free: int, waiting: int) -> None:
    starts = learnt(*took).starts(elapsed=elapsed, free=free, waiting=waiting)
    assert starts is not None
    assert len(starts) == (waiting if elapsed or free else 0)
    assert all(seconds >= 0 for seconds in starts)
    assert starts == pytest.approx(sorted(starts))
