"""``streamui doctor``: runs all checks and prints one line each."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import zip_longest

from server.doctor import place, program
from server.doctor.finding import Finding, State
from server.doctor.upstreams import upstreams
from server.option_table import add_options as serve_options
from server.settings import Settings


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of serve, whose values are checked, and those for the output."""
    serve_options(parser)
    parser.add_argument("--json", action="store_true", help="print each finding as a JSON object, one per line")


def run(settings: Settings, *, as_json: bool) -> int:
    """Print the findings. Returns the exit status: 1 when there is a fault."""
    faults = 0
    for finding in findings(settings):
        faults += finding.state is State.FAULT
        print(json.dumps(asdict(finding)) if as_json else _line(finding), flush=True)
    return 1 if faults else 0


def findings(settings: Settings) -> Iterator[Finding]:
    yield program.python()
    yield from program.packages()
    yield (loads := program.llama())
    if loads.state is State.OK and settings.models:
        yield from _models(settings)
    yield place.cores()
    yield from upstreams(settings)
    yield from place.chat_template(settings.chat_template)
    yield from place.data_folder(settings.data)
    yield from place.address(settings)
    yield program.browser_libraries()
    yield place.open_files()
    yield program.clock()


def _models(settings: Settings) -> Iterator[Finding]:
    models_file = place.models_file(settings)
    if isinstance(models_file, Finding):
        yield models_file
        return
    each = zip_longest(settings.models, [settings.draft_model])
    checked = [place.model(settings, model, models_file, draft_model) for model, draft_model in each]
    yield from (finding for finding, _ in checked)
    needs = [each for _, each in checked if each is not None]
    if len(needs) == len(checked):
        yield place.memory(settings, needs)


def _line(finding: Finding) -> str:
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return f"{finding.state:8}{finding.check:10} {finding.text}{remedy}"
