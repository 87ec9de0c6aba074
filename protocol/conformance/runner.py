"""Runner for cases: carries out each step, passes each message to the observer, and returns an outcome with its
reason."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from protocol.conformance.dial import dial
from protocol.conformance.greeting import STOP_TIME, asks_welcome, lack, read_welcome, stop_time
from protocol.conformance.matching import fits, show
from protocol.conformance.observer import Observer, Violation
from protocol.conformance.placeholders import UnknownVariable
from protocol.conformance.script import Case
from protocol.conformance.stage import Failed, Inconclusive, Options, Skipped, Stage
from protocol.conformance.steps import carry_out, settle_line
from protocol.conformance.wire import Ended, Refused, Unreachable

LEAVE_SECONDS: Final = 5.0
"""Time limit for the end of generations that a case left running, in seconds."""


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """Outcome of a case. ``rules``: the rules broken; ``step`` counts from 1; ``transcript``: of the last try."""

    case: Case
    outcome: Outcome
    seconds: float
    reason: str = ""
    step: int = 0
    rules: tuple[str, ...] = ()
    transcript: tuple[str, ...] = ()
    tries: int = 1


async def run_case(url: str, case: Case, options: Options | None = None) -> Result:
    """Run ``case``, several times if needed. Raises only Unreachable, when no server answers."""
    began, options = time.monotonic(), options or Options()
    welcome = await read_welcome(url, options.to_open) if asks_welcome(case) else {}
    if reason := lack(case, welcome):
        return Result(case, Outcome.SKIPPED, time.monotonic() - began, reason)
    for attempt in range(1, case.tries + 1):
        tried = await _try_case(url, case, options, {STOP_TIME: stop_time(welcome)})
        result = dataclasses.replace(tried, seconds=time.monotonic() - began, tries=attempt)
        if result.outcome is not Outcome.INCONCLUSIVE:
            return result
    if case.exhausted == "fail":
        reason = f"in each of {case.tries} tries: {result.reason}"
        return dataclasses.replace(result, outcome=Outcome.FAILED, reason=reason, rules=case.checks)
    return result


async def run_cases(
    url: str,
    cases: Iterable[Case],
    options: Options | None = None,
    *,
    jobs: int = 4,
    report: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Run all cases, ``jobs`` at a time. Cases that need the server alone run last, one by one."""
    cases = list(cases)
    results: dict[str, Result] = {}
    lost: list[Unreachable] = []

    async def work(waiting: list[Case]) -> None:
        while waiting and not lost:
            case = waiting.pop(0)
            try:
                results[case.id] = await run_case(url, case, options)
            except Unreachable as problem:
                lost.append(problem)
            else:
                report(results[case.id])

    together = [case for case in cases if not case.alone]
    async with asyncio.TaskGroup() as tasks:
        for number in range(jobs):
            tasks.create_task(work(together), name=f"cases {number}")
    await work([case for case in cases if case.alone])
    if lost:
        raise lost[0]
    return [results[case.id] for case in cases]


async def _try_case(url: str, case: Case, options: Options, variables: dict[str, Any]) -> Result:
    stage = Stage(url, options, f"k{secrets.token_hex(5)}", variables)
    number, outcome, reason = 0, Outcome.FAILED, ""
    rules = case.checks
    try:
        for number, step in enumerate(case.steps, 1):  # noqa: B007
            await carry_out(stage, step)
        number = 0
        await _sweep(stage)
        outcome, rules = Outcome.PASSED, ()
    except Violation as violation:
        reason, rules = f"{violation.text} (PROTOCOL {violation.rule})", (violation.rule,)
    except Failed as failure:
        reason = str(failure)
    except UnknownVariable as unknown:
        reason = f"the server never sent what the case calls {unknown}"
    except Inconclusive as lack:
        outcome, reason, rules = Outcome.INCONCLUSIVE, str(lack), ()
    except Skipped as lacking:
        outcome, reason, rules = Outcome.SKIPPED, str(lacking), ()
    finally:
        await _leave(stage)
    return Result(case, outcome, 0.0, reason, number, rules, tuple(stage.transcript))


async def _sweep(stage: Stage) -> None:
    """Check for leftovers after the last step: unexpected errors, or messages after the end."""
    for line in stage.lines.values():
        if line.open and line.observer:
            try:
                await settle_line(stage, line)
            except Failed as failure:
                raise Failed(f"after the last step: {failure}") from None
        if stray := next((m for m in line.unread if m["type"] in ("error", "pong")), None):
            raise Failed(f"an answer to nothing: {show(stray)}")


async def _leave(stage: Stage) -> None:
    """Stop the generations that still run, so that they don't delay the next case, and close the sockets."""
    running = {id for line in stage.lines.values() if line.observer for id in _running(stage, line.observer)}
    try:
        if running:
            async with asyncio.timeout(LEAVE_SECONDS):
                await _stop(stage, running)
    except (TimeoutError, Ended, Unreachable, Refused, Violation, ValueError):
        pass  # the outcome is known; later faults of the server don't change it
    for line in stage.lines.values():
        await line.wire.close()


def _running(stage: Stage, observer: Observer) -> list[str]:
    return [id for id, reader in observer.readers.items() if (id, reader.epoch) not in stage.ledger.ends]


async def _stop(stage: Stage, ids: set[str]) -> None:
    """Cancel the generations and wait for the end of each, since each may hold a slot that the next case needs.

    Uses a new socket, as those of the case may be closed or broken.
    """
    wire = await dial(stage.url, None, stage.options.to_open)
    try:
        for id in sorted(ids):
            await wire.send(json.dumps({"type": "attach", "id": id}))
            await wire.send(json.dumps({"type": "cancel", "id": id}))
        left = set(ids)
        while left:
            message = json.loads(await wire.receive())
            if fits({"type": "done"}, message) or fits({"type": "error"}, message):
                left.discard(message.get("id"))
    finally:
        await wire.close()
