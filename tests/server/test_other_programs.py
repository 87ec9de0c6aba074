"""Number of cores that other programs keep busy, from given readings."""

from dataclasses import dataclass

import pytest

from server.other_programs import LONGEST, SHORTEST, OtherPrograms


@dataclass
class Readings:
    """Answers of the system. ``busy`` None: it has none."""

    now: float = 100.0
    own: float = 7.0
    busy: float | None = 5000.0
    asked: int = 0

    def pass_time(self, seconds: float, *, others: float, own: float = 0.0) -> None:
        """Let ``seconds`` pass, in which others and this process keep these numbers of cores busy."""
        assert self.busy is not None
        self.now += seconds
        self.own += own * seconds
        self.busy += (others + own) * seconds

    def all_busy(self) -> float | None:
        self.asked += 1
        return self.busy


@pytest.fixture
def readings() -> Readings:
    return Readings()


@pytest.fixture
def others(readings: Readings) -> OtherPrograms:
    return OtherPrograms(lambda: readings.now, lambda: readings.own, readings.all_busy, lambda: 8)


def test_nothing_is_known_at_first(others: OtherPrograms) -> None:
    assert (others.busy_cores(), others.cores) == (None, 8)


def test_the_own_work_of_the_server_is_left_out(others: OtherPrograms, readings: Readings) -> None:
    others.busy_cores()
    readings.pass_time(1, others=2.5, own=4)
    assert others.busy_cores() == pytest.approx(2.5)


def test_questions_in_quick_succession_get_the_last_figure(others: OtherPrograms, readings: Readings) -> None:
    others.busy_cores()
    readings.pass_time(1, others=2)
    others.busy_cores()
    asked = readings.asked
    readings.pass_time(SHORTEST / 2, others=8)
    assert others.busy_cores() == pytest.approx(2)
    assert readings.asked == asked
    readings.pass_time(SHORTEST / 2, others=8)
    assert others.busy_cores() == pytest.approx(8)


def test_figures_follow_the_machine(others: OtherPrograms, readings: Readings) -> None:
    others.busy_cores()
    found = []
    for busy in (0, 3, 3, 1):
        readings.pass_time(1, others=busy)
        found.append(others.busy_cores())
    assert found == pytest.approx([0, 3, 3, 1])


def test_an_old_measurement_is_not_used(others: OtherPrograms, readings: Readings) -> None:
    others.busy_cores()
    readings.pass_time(1, others=2)
    others.busy_cores()
    readings.pass_time(LONGEST + 1, others=2)
    assert others.busy_cores() is None
    readings.pass_time(1, others=3)
    assert others.busy_cores() == pytest.approx(3)


@pytest.mark.parametrize(("seen", "shown"), [(-0.5, 0), (9.5, 8)], ids=["below nothing", "above all cores"])
def test_inexact_readings_stay_within_the_cores(
    others: OtherPrograms, readings: Readings, seen: float, shown: float
) -> None:
    others.busy_cores()
    readings.pass_time(1, others=seen)
    assert others.busy_cores() == shown


def test_a_system_that_says_nothing(others: OtherPrograms, readings: Readings) -> None:
    others.busy_cores()
    readings.pass_time(1, others=2)
    readings.busy = None
    assert others.busy_cores() is None
    readings.busy = 6000.0
    readings.now += 1
    assert others.busy_cores() is None
    readings.pass_time(1, others=2)
    assert others.busy_cores() == pytest.approx(2)
