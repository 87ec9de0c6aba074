"""Outcome of a run as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable

from protocol.conformance.matching import show
from protocol.conformance.runner import Outcome, Result
from protocol.conformance.script import Case

_TRANSCRIPT_LINES = 30
_MARKS = {Outcome.PASSED: "ok  ", Outcome.FAILED: "FAIL", Outcome.INCONCLUSIVE: "??  ", Outcome.SKIPPED: "skip"}


def line(result: Result) -> str:
    """Format one case on one line."""
    tries = f", {result.tries} tries" if result.tries > 1 else ""
    return f"{_MARKS[result.outcome]} {result.case.id}  ({result.seconds:.2f} s{tries})"


def details(result: Result) -> str:
    """Describe a failed case: the rule, the messages sent, the expectation and the messages received."""
    lines = [f"{result.outcome.upper()}: {result.case.id}: {result.case.title}"]
    lines.append(f"  PROTOCOL {', '.join(result.case.checks)}")
    lines.append(f"  {result.reason}")
    if result.step:
        lines.append(f"  at step {result.step} of {len(result.case.steps)}: {_step(result.case, result.step)}")
    left_out = len(result.transcript) - _TRANSCRIPT_LINES
    if left_out > 0:
        lines.append(f"    … {left_out} earlier lines")
    lines.extend(f"    {entry}" for entry in result.transcript[-_TRANSCRIPT_LINES:])
    return "\n".join(lines)


def summary(results: Iterable[Result], seconds: float) -> str:
    outcomes = [result.outcome for result in results]
    counts = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in Outcome if outcome in outcomes)
    return f"{len(outcomes)} cases in {seconds:.1f} s: {counts or 'none'}"


def as_json(results: Iterable[Result]) -> str:
    """Format the results as a JSON list, one object per case."""
    rows = [
        {
            "id": result.case.id,
            "title": result.case.title,
            "checks": result.case.checks,
            "outcome": result.outcome,
            "reason": result.reason,
            "broken": result.rules,
            "step": result.step,
            "tries": result.tries,
            "seconds": round(result.seconds, 3),
            "transcript": result.transcript if result.outcome is not Outcome.PASSED else (),
        }
        for result in results
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1)


def listing(cases: Iterable[Case]) -> str:
    return "\n".join(
        f"{case.id:32} {case.title}  [{', '.join(case.checks)}]{f'  (only {_only(case)})' if case.why else ''}"
        for case in cases
    )


def _only(case: Case) -> str:
    return f"{', '.join(case.transports)}: {case.why}"


def _step(case: Case, number: int) -> str:
    step = case.steps[number - 1]
    fields = {name: value for name in step.__struct_fields__ if (value := getattr(step, name)) not in (None, {}, ())}
    return f"{type(step).__name__.lower()} {show(fields)}"
