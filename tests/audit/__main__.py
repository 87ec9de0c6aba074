"""Search the installed packages for known vulnerabilities: ``python -m tests.audit``, a part of ``make lint``.

It asks PyPI and npm's registry. If one can't be reached, or has no vulnerability data (a mirror), the check says so and
passes, so that `make lint` needs no network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SECONDS = 60
"""Time limit of each program, in seconds, with its start. A program that takes longer counts as unavailable."""

LOCKS = ("requirements.lock", "requirements-build.lock")
NPM = ("npm", "audit", "--json", "--fetch-retries=0", "--fetch-timeout=10000")


@dataclass(frozen=True)
class Verdict:
    """Result of one program. ``known``: the vulnerabilities found, or None if the service did not answer."""

    program: str
    known: tuple[str, ...] | None
    asked: int = 0

    def __str__(self) -> str:
        if self.known is None:
            return f"{self.program}: SKIPPED, no vulnerability service can be reached from here"
        if self.known:
            return f"{self.program}: known vulnerabilities: {', '.join(self.known)}"
        return f"{self.program}: {self.asked} packages, no known vulnerability"


def main() -> int:
    pip = (sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--timeout=10", "--format=json")
    verdicts = [pip_verdict(said((*pip, *(word for lock in LOCKS for word in ("-r", lock))))), npm_verdict(said(NPM))]
    for verdict in verdicts:
        print(verdict)
    return 1 if any(verdict.known for verdict in verdicts) else 0


def said(command: Sequence[str]) -> str:
    """Return the program's output; empty if the program takes too long or is not installed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def pip_verdict(text: str) -> Verdict:
    """Run pip-audit. It skips packages that its service doesn't know; if it skips all of them, the service is
    missing."""
    packages = [package for package in read(text).get("dependencies", ()) if "skip_reason" not in package]
    if not packages:
        return Verdict("pip-audit", None)
    known = [f"{one['name']} {one['version']} ({vuln['id']})" for one in packages for vuln in one["vulns"]]
    return Verdict("pip-audit", tuple(known), len(packages))


def npm_verdict(text: str) -> Verdict:
    report = read(text)
    if "vulnerabilities" not in report:
        return Verdict("npm audit", None)
    known = [f"{name} ({found['severity']})" for name, found in report["vulnerabilities"].items()]
    return Verdict("npm audit", tuple(known), report["metadata"]["dependencies"]["total"])


def read(text: str) -> dict[str, Any]:
    try:
        report = json.loads(text)
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}


if __name__ == "__main__":
    sys.exit(main())
