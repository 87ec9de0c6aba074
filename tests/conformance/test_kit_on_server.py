"""Every case passes on the real server: on the scripted engine each as a test, on the starter model all together."""

from pathlib import Path

import pytest

from protocol.conformance.report import details
from protocol.conformance.runner import Outcome, run_case, run_cases
from protocol.conformance.script import Case, load_cases
from tests.conformance.serving import streamui_serve

CASES = load_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_scripted(scripted_url: str, case: Case) -> None:
    result = await run_case(scripted_url, case)
    assert result.outcome is Outcome.PASSED, details(result)


async def test_starter(tmp_path: Path) -> None:
    with streamui_serve(tmp_path) as url:
        results = await run_cases(url, CASES, jobs=6)
    assert [details(result) for result in results if result.outcome is not Outcome.PASSED] == []
