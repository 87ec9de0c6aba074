"""Statistics and the table, without any server."""

from dataclasses import replace

import pytest

from server.bench.load_sizes import FULL, QUICK, LoadSizes
from server.bench.rows import GROUPS, TableRow, rows
from server.bench.samples import gaps, median, merge, p50, p95, p99, percentile
from server.bench.table import figures, table

SPEED = TableRow("throughput", "speed", median, "speed", "tokens/s", 1)
WAIT = TableRow("arrivals", "wait", p99, "wait, p99", "ms")
LOST = TableRow("stops", "lost", max, "only ours", "ms")
NEVER = TableRow("stops", "never", max, "of nobody", "ms")

ROUNDS = [
    {"ours": {"speed": [100.0], "wait": [1.0, 9.0], "lost": [2.5]}, "theirs": {"speed": [50.0], "wait": [10.0]}},
    {"ours": {"speed": [90.0], "wait": [4.0]}, "theirs": {"speed": [100.0], "wait": [40.0, 2000.0]}},
    {"ours": {"speed": [80.0], "wait": [5.0]}, "theirs": {"speed": [80.0], "wait": [5.0]}},
]


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 1), (1, 1), (50, 50), (50.5, 51), (95, 95), (99, 99), (99.5, 100), (100, 100)]
)
def test_percentiles_are_samples(share: float, expected: float) -> None:
    samples = [float(n) for n in range(1, 101)]
    assert percentile(share)(list(reversed(samples))) == expected


def test_percentiles_of_few() -> None:
    assert (p50([7.0]), p95([7.0]), p99([7.0])) == (7.0, 7.0, 7.0)
    assert (p50([1.0, 2.0]), p99([1.0, 2.0])) == (1.0, 2.0)


def test_gaps_are_milliseconds() -> None:
    assert gaps([1.0, 1.5, 1.75]) == [500.0, 250.0]
    assert gaps([1.0]) == []


def test_merging_keeps_every_sample() -> None:
    assert merge([{"a": [1.0]}, {"a": [2.0], "b": []}]) == {"a": [1.0, 2.0], "b": []}


def test_a_figure_is_of_all_samples_and_its_ratio_of_the_rounds() -> None:
    speed, wait, lost, never = figures([SPEED, WAIT, LOST, NEVER], ROUNDS)
    assert (speed.ours, speed.theirs, speed.ratio) == (90.0, 80.0, 1.0)
    assert (wait.ours, wait.theirs, wait.ratio) == (9.0, 2000.0, 0.9)
    assert (lost.ours, lost.theirs, lost.ratio) == (2.5, None, None)
    assert (never.ours, never.theirs, never.ratio) == (None, None, None)


def test_the_table() -> None:
    assert table(figures([SPEED, WAIT, LOST, NEVER], ROUNDS), compared=True).splitlines() == [
        "|           | unit     | ours | theirs | ours / theirs |",
        "| --------- | -------- | ---: | -----: | ------------: |",
        "| speed     | tokens/s | 90.0 |   80.0 |         1.000 |",
        "| wait, p99 | ms       |    9 |  2,000 |         0.900 |",
        "| only ours | ms       |    2 |      - |             - |",
        "| of nobody | ms       |    - |      - |             - |",
    ]
    assert "theirs" not in table(figures([SPEED], ROUNDS), compared=False)


def test_every_row_has_a_name_of_its_own_and_a_known_group() -> None:
    sizes = FULL.fitted(context=4608, parallel=32)
    labels = [row.label for row in rows(sizes)]
    assert len(set(labels)) == len(labels)
    assert {row.group for row in rows(sizes)} == set(GROUPS)


@pytest.mark.parametrize(("seconds", "tokens"), [(0.0, 2000), (3.0, 2000), (6.0, 2000), (12.0, 1000), (1e6, 64)])
def test_a_message_that_is_read_ahead_can_be_read_in_time(seconds: float, tokens: int) -> None:
    assert replace(FULL, long_seconds=seconds).pasted == tokens


@pytest.mark.parametrize("sizes", [FULL, QUICK])
@pytest.mark.parametrize("context", [512, 2048, 4608, 100_000])
@pytest.mark.parametrize("parallel", [1, 8, 256])
def test_sizes_fit(sizes: LoadSizes, context: int, parallel: int) -> None:
    fitted = sizes.fitted(context=context, parallel=parallel)
    assert 0 < fitted.long <= fitted.longest
    assert fitted.long + fitted.turn + fitted.short + 4 < context
    assert fitted.longest + 4 < context
    assert fitted.short + fitted.running < context
    assert max(fitted.streams) <= parallel
    assert fitted.arriving <= parallel
