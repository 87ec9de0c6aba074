"""Rows of the table: a statistic of named samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from server.bench.load_sizes import LoadSizes
from server.bench.samples import Statistic, median, p50, p95, p99

GROUPS = ("throughput", "arrivals", "readings", "stops", "turns", "drafts", "changes", "places", "speculation")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row. ``of``: name of the samples; ``places``: decimal places."""

    group: str
    of: str
    statistic: Statistic
    label: str
    unit: str
    places: int = 0


def rows(sizes: LoadSizes) -> tuple[TableRow, ...]:
    """Return all rows, in the table's order."""
    return (
        *_throughput(sizes),
        *_arrivals(sizes),
        *_readings(sizes),
        *_stops(sizes),
        *_turns(sizes),
        *_drafts(sizes),
        *_changes(sizes),
        *_places(),
        *_speculation(sizes),
        *_outside(sizes),
    )


def _percentiles(group: str, of: str, label: str, statistics: str = "p50 p99", places: int = 0) -> Iterator[TableRow]:
    known: dict[str, Statistic] = {"p50": p50, "p95": p95, "p99": p99, "longest": max, "most": max}
    for name in statistics.split():
        yield TableRow(group, of, known[name], f"{label}, {name}", "tokens" if name == "most" else "ms", places)


def _throughput(sizes: LoadSizes) -> Iterator[TableRow]:
    for n in sizes.streams:
        label = "1 stream" if n == 1 else f"{n} streams, all together"
        yield TableRow("throughput", f"throughput.{n}", median, label, "tokens/s", 1)


def _outside(sizes: LoadSizes) -> Iterator[TableRow]:
    for n in sizes.streams:
        label = f"outside llama.cpp, {n} stream{'s' * (n > 1)}"
        yield TableRow("throughput", f"outside.{n}", median, f"{label}, per token", "µs", 1)
        yield TableRow("throughput", f"outside.share.{n}", median, f"{label}, of a step", "%", 2)


def _arrivals(sizes: LoadSizes) -> Iterator[TableRow]:
    label = f"{sizes.arriving} arrive at once: first token"
    yield from _percentiles("arrivals", "arrivals.first", label, "p50 p95 p99")


def _readings(sizes: LoadSizes) -> Iterator[TableRow]:
    reading = f"{sizes.long:,} tokens are read"
    yield from _percentiles("readings", "gap.quiet", "gap in a running answer", "p50 p99 longest", 1)
    yield from _percentiles("readings", "gap.reading", f"the same while {reading}", "p50 p99 longest", 1)
    yield TableRow("readings", "reading.first", p50, f"short prompt while {reading}: first token", "ms")


def _stops(sizes: LoadSizes) -> Iterator[TableRow]:
    for phase, where in (("decode", "in decode"), ("prefill", f"in a prefill of {sizes.longest:,}")):
        yield from _percentiles("stops", f"stop.{phase}", f"stop {where}, client", places=1)
        yield from _percentiles("stops", f"stop.{phase}.server", f"stop {where}, server", places=1)
        yield from _percentiles("stops", f"stop.{phase}.tokens", f"stop {where}: tokens since it was sent", "most")
        yield from _percentiles("stops", f"stop.{phase}.late", f"stop {where}: tokens after done", "most")
    yield TableRow("stops", "idle.first", p50, "short prompt on an idle server: first token", "ms", 1)
    yield TableRow("stops", "next.first", p50, "right after a stop in prefill: first token", "ms", 1)
    yield TableRow("stops", "next.share", p50, "the same, as a multiple of an idle server's", "x", 2)


def _turns(sizes: LoadSizes) -> Iterator[TableRow]:
    yield TableRow("turns", "turn.first", p50, f"first turn of {sizes.long:,} tokens: first token", "ms")
    yield TableRow("turns", "turn.second", p50, "second turn: first token", "ms", 1)
    yield TableRow("turns", "turn.share", p50, "the same, as a part of the first turn's", "x", 3)


def _speculation(sizes: LoadSizes) -> Iterator[TableRow]:
    copy, prose = f"1 stream, copying {sizes.copied} tokens", "1 stream, nothing to copy"
    yield TableRow("speculation", "copy.rate", median, copy, "tokens/s", 1)
    yield TableRow("speculation", "copy.step", median, f"{copy}: tokens per step", "tokens", 2)
    yield TableRow("speculation", "prose.rate", median, prose, "tokens/s", 1)
    yield TableRow("speculation", "prose.step", median, f"{prose}: tokens per step", "tokens", 2)
    yield TableRow("speculation", "copy.share", median, "copying, as a multiple of the other", "x", 2)


def _drafts(sizes: LoadSizes) -> Iterator[TableRow]:
    long = f"draft: message of {sizes.pasted:,} tokens"
    yield TableRow("drafts", "draft.short", p50, "draft: short message in an empty chat: first token", "ms", 1)
    yield TableRow("drafts", "draft.whole", p50, f"{long}, not read ahead: first token", "ms")
    yield TableRow("drafts", "draft.ahead", p50, f"{long}, pasted {sizes.writing:g} s before: first token", "ms", 1)
    yield TableRow("drafts", "draft.share", p50, "draft: the same, as a part of one not read ahead", "x", 3)
    yield TableRow("drafts", "draft.over", p50, "draft: the same, as a multiple of the short message", "x", 2)
    yield from _percentiles("drafts", "draft.gap.alone", "draft: gap in a running answer before it", places=1)
    yield from _percentiles("drafts", "draft.gap.beside", "draft: gap in a running answer beside it", places=1)


def _changes(sizes: LoadSizes) -> Iterator[TableRow]:
    text = f"instruction of {sizes.short} tokens"
    yield from _percentiles("changes", "steer.first", f"steer: {text}: first text after it", places=1)
    yield from _percentiles("changes", "steer.message", "steer: the same text as a first message", places=1)
    yield from _percentiles("changes", "tune.answered", "tune: until it holds", places=1)
    yield from _percentiles("changes", "tune.gap.alone", "tune: gap in a running answer before it", places=1)
    yield from _percentiles("changes", "tune.gap.beside", "tune: gap in a running answer around it", places=1)


def _places() -> Iterator[TableRow]:
    yield from _percentiles("places", "place.gap", "explore: gap between tokens of an answer", places=1)
    yield from _percentiles("places", "place.alternatives", "explore: alternatives at a place of it", places=1)
    yield from _percentiles("places", "place.fork", "explore: fork from its middle, first token", places=1)
