"""Pytest plugin: ``pytest --protocol-url URL`` runs each case as a test. Keep imports light: every pytest run loads
it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from protocol.conformance.runner import Result
    from protocol.conformance.script import Case, Transport

_CASES = Path(__file__).parent / "cases"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("protocol", "conformance with streamui.v1")
    group.addoption(
        "--protocol-url",
        metavar="URL",
        help="run the conformance cases against this ws://, http+sse:// or http+poll:// address",
    )
    group.addoption(
        "--protocol-strict", action="store_true", help="an inconclusive case fails instead of being skipped"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect only the cases when the command line names no paths."""
    if url := config.getoption("--protocol-url"):
        _transport(url)
        chosen = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
        config.args = [*chosen, str(_CASES)]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.parent != _CASES or file_path.suffix != ".json" or not parent.config.getoption("--protocol-url"):
        return None
    return CasesFile.from_parent(parent, path=file_path)


class CasesFile(pytest.File):
    """Collector for one file of cases."""

    def collect(self) -> Iterator[pytest.Item]:
        from protocol.conformance.script import load_file, those_for

        for case in those_for(load_file(self.path), _transport(self.config.getoption("--protocol-url"))):
            yield CaseItem.from_parent(self, name=case.id, case=case)


def _transport(url: str) -> Transport:
    from protocol.conformance.dial import TRANSPORTS, transport_of

    transport = transport_of(url)
    if transport is None:
        raise pytest.UsageError(f"--protocol-url must begin with one of {', '.join(TRANSPORTS)}, and not be {url!r}")
    return transport


class CaseItem(pytest.Item):
    """One case, run against the server of ``--protocol-url``."""

    def __init__(self, *, case: Case, **arguments: object) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._case = case

    def runtest(self) -> None:
        import asyncio

        from protocol.conformance.runner import Outcome, run_case

        result = asyncio.run(run_case(self.config.getoption("--protocol-url"), self._case))
        if result.outcome is Outcome.SKIPPED:
            pytest.skip(result.reason)
        if result.outcome is Outcome.INCONCLUSIVE and not self.config.getoption("--protocol-strict"):
            pytest.skip(f"inconclusive: {result.reason}")
        if result.outcome is not Outcome.PASSED:
            raise CaseFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if isinstance(excinfo.value, CaseFailed):
            from protocol.conformance.report import details

            return details(excinfo.value.result)
        return str(excinfo.getrepr(style="short"))

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"{self._case.id}: {self._case.title}"


class CaseFailed(Exception):
    """Failure of a case; carries its result to the report."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.reason)
        self.result = result
