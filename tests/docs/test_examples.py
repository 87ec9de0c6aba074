"""The programs in examples/, run unchanged against the real server. tests/e2e/embed.test.js runs embed.html."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.conftest import environment, slow_if_needed

EXAMPLES = Path(__file__).parents[2] / "examples"
DEADLINE = 120.0

LAST_LINES = {
    "chat.py": r"\[(stop|length), \d+ tokens\]",
    "many.py": r"What is a WebSocket\? .+ \[(stop|length)\]",
    "stop.py": r"\[cancelled in phase decode, \d+ tokens\]",
    "resume.py": r"\[complete: True\]",
}


@pytest.mark.parametrize("name", LAST_LINES)
def test_example_runs_to_its_end(name: str, address: str, slow_file: Path) -> None:
    command = [sys.executable, str(EXAMPLES / name), f"ws://{address}/ws"]
    with slow_if_needed((EXAMPLES / name).read_text(), slow_file):
        ended = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=DEADLINE)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.fullmatch(LAST_LINES[name], ended.stdout.splitlines()[-1]), ended.stdout


def test_examples_are_all_run_and_listed() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(LAST_LINES)
    listed = (EXAMPLES / "README.md").read_text()
    assert all(f"({path.name})" in listed for path in EXAMPLES.iterdir() if path.name != "README.md")
