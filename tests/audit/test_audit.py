"""A missing vulnerability service passes the check, and a reported vulnerability fails it."""

import json
import sys

import pytest

from tests.audit.__main__ import npm_verdict, pip_verdict, said

SKIPPED = {"name": "a", "version": "1", "skip_reason": "Dependency not found on PyPI"}
SOUND = {"name": "b", "version": "2", "vulns": []}
BAD = {"name": "c", "version": "3", "vulns": [{"id": "CVE-1"}]}


@pytest.mark.parametrize(
    ("packages", "told"),
    [
        ([], "pip-audit: SKIPPED"),
        ([SKIPPED], "pip-audit: SKIPPED"),
        ([SKIPPED, SOUND], "pip-audit: 1 packages, no known"),
        ([SOUND, BAD], "known vulnerabilities: c 3 (CVE-1)"),
    ],
)
def test_pip_audits_report(packages: list[object], told: str) -> None:
    assert told in str(pip_verdict(json.dumps({"dependencies": packages, "fixes": []})))


@pytest.mark.parametrize(
    ("report", "told"),
    [
        ({"error": {"code": "ENOTFOUND"}}, "npm audit: SKIPPED"),
        ({"vulnerabilities": {}, "metadata": {"dependencies": {"total": 7}}}, "npm audit: 7 packages, no known"),
        (
            {"vulnerabilities": {"x": {"severity": "high"}}, "metadata": {"dependencies": {"total": 7}}},
            "known vulnerabilities: x (high)",
        ),
    ],
)
def test_npm_audits_report(report: object, told: str) -> None:
    assert told in str(npm_verdict(json.dumps(report)))


@pytest.mark.parametrize("text", ["", "Traceback", "[]", '"x"', "null"])
def test_a_program_that_says_nothing_of_use_was_not_able_to_ask(text: str) -> None:
    assert pip_verdict(text).known is None
    assert npm_verdict(text).known is None


def test_a_program_that_is_missing_says_nothing() -> None:
    assert said(("/no/such/program",)) == ""
    assert said((sys.executable, "-c", "print(1)")) == "1\n"
