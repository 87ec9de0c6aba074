"""The run as JSON: every sample of every round, and the figures of the table."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from server import __version__
from server.bench.rounds import RunPlan
from server.bench.samples import Samples
from server.bench.sides import Load
from server.bench.table import Figure
from server.resources import usable_cores


def report(plan: RunPlan, load: Load, rounds: Sequence[dict[str, Samples]], found: Sequence[Figure]) -> bytes:
    body: dict[str, Any] = {
        "version": __version__,
        "machine": {
            "cores": usable_cores(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "load": {**asdict(load), "model": load.model.name},
        "sizes": asdict(plan.sizes),
        "seed": plan.seed,
        "busy_processes": plan.busy_processes,
        "rows": [_row(figure) for figure in found],
        "rounds": rounds,
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=1) + b"\n"


def _row(figure: Figure) -> dict[str, Any]:
    row = figure.row
    return {
        "samples": row.of,
        "label": row.label,
        "unit": row.unit,
        "ours": figure.ours,
        "theirs": figure.theirs,
        "ratio": figure.ratio,
    }
