"""The kit catches every broken server with a case that names the broken rule, and finds no other fault."""

import asyncio
import itertools

import pytest

from protocol.conformance.report import details
from protocol.conformance.runner import Outcome, Result, run_cases
from protocol.conformance.script import Case, Http, load_cases, those_for
from protocol.conformance.stage import Options
from tests.conformance.broken import FAULTS
from tests.conformance.proxy import Fault, proxy
from tests.conformance.serving import SPECIAL, in_thread, scripted_server

CASES = those_for(load_cases(), "websocket")
THROUGH_PROXY = [
    case for case in CASES if case.id not in SPECIAL and not any(isinstance(step, Http) for step in case.steps)
]
DEADLINES = (1.5, 10.0, 60.0)
"""Deadlines that are tried in turn, in seconds: on a busy machine a short one can pass before the broken message."""

PATIENT = Options(deadline=60, slack=10)
AT_ONCE = 12

Seen = dict[type[Fault], list[Result]]


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, scripted_url: str) -> Seen:
    """Results of the kit for each broken server among the selected tests. Many run at once, since they mostly wait."""
    parameters = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    faults = {values["fault"] for values in parameters if "fault" in values}
    return asyncio.run(_try_all([fault for fault in FAULTS if fault in faults], scripted_url))


async def _try_all(faults: list[type[Fault]], url: str) -> Seen:
    seen: Seen = {}

    async def work() -> None:
        while faults:
            fault = faults.pop()
            seen[fault] = await _try_until_caught(fault, url)

    async with asyncio.TaskGroup() as tasks:
        for number in range(AT_ONCE):
            tasks.create_task(work(), name=f"broken servers {number}")
    return seen


async def _try_until_caught(fault: type[Fault], url: str) -> list[Result]:
    """Return the outcomes of the broken rule's cases, up to the first that catches it."""
    cases = [case for case in CASES if _is_about(case, fault) and case.alone == fault.alone]
    results: list[Result] = []
    async with proxy(url, fault) as port:
        for deadline, at in itertools.product(DEADLINES, range(0, len(cases), 8)):
            if _caught(fault, results):
                break
            options = Options(deadline=deadline)
            results += await run_cases(f"ws://127.0.0.1:{port}/ws", cases[at : at + 8], options, jobs=8)
    return results


def _caught(fault: type[Fault], results: list[Result]) -> bool:
    rules = {fault.rule, fault.or_rule}
    return any(result.outcome is Outcome.FAILED and rules & set(result.rules) for result in results)


def _is_about(case: Case, fault: type[Fault]) -> bool:
    return fault.rule in case.checks or fault.or_rule in case.checks


TOGETHER = [fault for fault in FAULTS if not fault.alone]
ALONE = [fault for fault in FAULTS if fault.alone]


@pytest.mark.parametrize("fault", TOGETHER, ids=lambda fault: fault.__name__)
def test_a_broken_server_is_caught(seen: Seen, fault: type[Fault]) -> None:
    outcomes = [(result.case.id, result.outcome, result.reason, result.rules) for result in seen[fault]]
    assert _caught(fault, seen[fault]), outcomes


@pytest.mark.parametrize("fault", ALONE, ids=lambda fault: fault.__name__)
async def test_broken_server_is_caught_behind_the_proxy(fault: type[Fault]) -> None:
    with in_thread(scripted_server) as port:
        results = await _try_until_caught(fault, f"ws://127.0.0.1:{port}/ws")
    assert _caught(fault, results), [(result.case.id, result.outcome, result.reason) for result in results]


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
async def test_cases_pass_through_an_unbroken_proxy(scripted_url: str, every: int) -> None:
    async with proxy(scripted_url, Fault) as port:
        results = await run_cases(f"ws://127.0.0.1:{port}/ws", THROUGH_PROXY[::every], PATIENT, jobs=6)
    assert [details(result) for result in results if result.outcome is not Outcome.PASSED] == []


def test_there_are_enough_of_them() -> None:
    assert len(FAULTS) >= 25
