"""A histogram of durations in seconds."""

from server.generations.histogram import Histogram


def test_each_value_falls_into_the_interval_that_its_bound_closes() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.0, 0.1, 0.5, 1.0, 2.0, 3.0):
        histogram.count(value)
    assert histogram.counts == [2, 2, 2]
    assert histogram.total == 6.6
