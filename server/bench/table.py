"""Results of a run: each side's value per row, and their ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.bench.rows import TableRow
from server.bench.samples import Samples, median, merge

NONE = "-"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. ``ratio``: median over the rounds of ours / theirs. None: not available."""

    row: TableRow
    ours: float | None
    theirs: float | None
    ratio: float | None


def figures(rows: Sequence[TableRow], rounds: Sequence[dict[str, Samples]]) -> list[Figure]:
    """Compute a figure for each row, from the samples of all rounds."""
    sides = {side: merge([each.get(side, {}) for each in rounds]) for side in ("ours", "theirs")}
    return [Figure(row, _value(row, sides["ours"]), _value(row, sides["theirs"]), _ratio(row, rounds)) for row in rows]


def _value(row: TableRow, samples: Samples) -> float | None:
    values = samples.get(row.of)
    return row.statistic(values) if values else None


def _ratio(row: TableRow, rounds: Sequence[dict[str, Samples]]) -> float | None:
    ratios = []
    for each in rounds:
        ours, theirs = (_value(row, each.get(side, {})) for side in ("ours", "theirs"))
        if ours is not None and theirs:
            ratios.append(ours / theirs)
    return median(ratios) if ratios else None


def table(found: Sequence[Figure], *, compared: bool) -> str:
    """Format the figures as a Markdown table; ``compared``: with the other side's columns."""
    head = ["", "unit", "ours", *(["theirs", "ours / theirs"] if compared else [])]
    lines = [head, *(_cells(figure)[: len(head)] for figure in found)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = [("-" * width) if column < 2 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join(_line(line, widths) for line in [lines[0], rule, *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if column < 2 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _cells(figure: Figure) -> list[str]:
    row = figure.row
    return [
        row.label,
        row.unit,
        _number(figure.ours, row.places),
        _number(figure.theirs, row.places),
        _number(figure.ratio, 3),
    ]


def _number(value: float | None, places: int) -> str:
    return NONE if value is None else f"{value:,.{places}f}"
