"""The pace of one client, without sockets."""

import pytest

from server.transports.pace import BEHIND_BYTES, BEHIND_SECONDS, FIRST_TICK, LONGEST_TICK, SLOW_SECONDS, Pace


def send(pace: Pace, seconds: float) -> None:
    pace.begin(100)
    pace.end(100 + seconds)


def test_fast_reader_is_never_waited_for() -> None:
    pace = Pace()
    for _ in range(10):
        send(pace, SLOW_SECONDS / 2)
        assert pace.tick == 0


def test_the_tick_grows_while_sends_take_time_and_goes_back_after_that() -> None:
    pace, ticks = Pace(), []
    for seconds in (1, 1, 1, 1, 1, 0, 0, 0, 0):
        send(pace, seconds)
        ticks.append(pace.tick)
    assert ticks == [FIRST_TICK, 0.01, 0.02, LONGEST_TICK, LONGEST_TICK, 0.02, 0.01, FIRST_TICK, 0]


def test_too_slow_is_who_takes_nothing_for_too_long() -> None:
    pace = Pace()
    assert not pace.too_slow(1000, 0)
    pace.begin(1000)
    assert not pace.too_slow(1000 + BEHIND_SECONDS - 0.001, BEHIND_BYTES)
    assert pace.look_again(1000 + 1) == pytest.approx(BEHIND_SECONDS - 1)
    assert pace.too_slow(1000 + BEHIND_SECONDS, 0)
    pace.end(1000 + BEHIND_SECONDS)
    assert not pace.too_slow(2000, 0)
    assert pace.look_again(2000) == BEHIND_SECONDS


def test_too_slow_is_who_lets_too_much_pile_up() -> None:
    pace = Pace()
    assert not pace.too_slow(1, BEHIND_BYTES + 1)  # nothing waits for the socket: it is about to be sent
    pace.begin(1)
    assert not pace.too_slow(1, BEHIND_BYTES)
    assert pace.too_slow(1, BEHIND_BYTES + 1)
