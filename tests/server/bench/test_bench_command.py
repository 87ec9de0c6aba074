"""``streamui bench`` in a process of its own, on the starter model."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from server.bench.rows import GROUPS
from server.starter import MODEL_PATH
from tests.conformance.serving import in_thread
from tests.server.bench.completions import Completions, serving
from tests.server.test_main import assert_told_in_one_line, environment, run
from tests.server.transports.peer import DEADLINE

CHANGES = ("steer: ", "tune: ")
"""Rows about answers that may end before they are changed."""

ONLY_OURS = ("stop in decode", "stop in a prefill", "outside llama.cpp", "draft: ", "explore: ", *CHANGES)


@pytest.fixture
def other() -> Iterator[int]:
    """Run an OpenAI-compatible server; yields its port."""

    @contextlib.asynccontextmanager
    async def server() -> AsyncIterator[int]:
        async with serving(Completions().app()) as port:
            yield port

    with in_thread(server) as port:
        yield port


def cells(stdout: str) -> dict[str, list[str]]:
    """Return the table's rows by their first cell."""
    lines = [line.strip("|").split("|") for line in stdout.splitlines() if line.startswith("|")]
    return {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines[2:]}


def number(cell: str) -> float:
    return float(cell.replace(",", ""))


@pytest.mark.slow
def test_a_quick_run_against_another_server(tmp_path: Path, other: int) -> None:
    report = tmp_path / "report.json"
    ended = run("bench", "--quick", "--against", f"http://127.0.0.1:{other}", "--rounds=2", f"--json={report}")
    assert (ended.returncode, "ended before their length" in ended.stderr) == (0, False), ended.stderr
    rows = cells(ended.stdout)
    shown = {label: row for label, row in rows.items() if not label.startswith("outside")}
    for label, (_, ours, theirs, ratio) in shown.items():
        assert (ours == "-" and label.startswith(CHANGES)) or number(ours) >= 0
        if label.startswith(ONLY_OURS) or label.endswith("tokens per step"):
            assert (theirs, ratio) == ("-", "-")
        elif label.startswith("short prompt while") and theirs == "-":
            continue  # on a busy machine the other server has read the long prompt before the short one is sent
        else:
            assert (number(theirs) > 0, number(ratio) > 0) == (True, True), label
    assert number(rows["1 stream"][1]) > 1
    body = json.loads(report.read_text())
    assert len(body["rounds"]) == 2
    for each in body["rounds"]:
        assert each["ours"]["throughput.1"][0] > 0
        assert each["theirs"]["throughput.4"][0] > 0
        assert {*each["ours"]["stop.decode.late"], *each["ours"]["stop.prefill.late"]} == {0}
        assert "stop.decode" not in each["theirs"]
    assert [row["label"] for row in body["rows"]] == list(rows)


def test_one_group_against_another_server(tmp_path: Path, other: int) -> None:
    report = tmp_path / "report.json"
    against = ("--against", f"http://127.0.0.1:{other}", "--rounds=1", f"--json={report}")
    ended = run("bench", "--quick", "--only", "turns", *against)
    assert ended.returncode == 0, ended.stderr
    rows = cells(ended.stdout)
    for label, (_, *measured) in rows.items():
        assert [number(cell) > 0 for cell in measured] == [True] * 3, (label, measured)
    body = json.loads(report.read_text())
    assert len(body["rounds"]) == 1
    assert [row["label"] for row in body["rows"]] == list(rows)


def test_one_group_without_another_server() -> None:
    ended = run("bench", "--quick", "--only", "turns")
    assert ended.returncode == 0, ended.stderr
    rows = cells(ended.stdout)
    assert [row[0] for row in rows.values()] == ["ms", "ms", "x"]
    assert all(len(row) == 2 for row in rows.values())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--model", "nothing.gguf"], "nothing.gguf"),
        (["--synthetic", "7b"], "0.5b"),
        (["--only", "speed"], GROUPS[0]),
        (["--context", "40"], "512"),
        (["--rounds", "0"], "--rounds"),
        (["--against", "http://a", "--against-command", "b"], "not allowed"),
        (["--json", "no/such/folder/file"], "no/such/folder/file"),
    ],
)
def test_a_slip_is_reported_in_one_line(arguments: list[str], named: str) -> None:
    assert_told_in_one_line(run("bench", *arguments), named)


def test_a_wrong_address_is_reported_before_anything_is_measured() -> None:
    ended = run("bench", "--against", "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.splitlines()[-1].startswith("streamui: --against http://127.0.0.1:1: no answer")


def test_a_wrong_option_of_our_other_side_is_reported_before_anything_is_measured() -> None:
    ended = run("bench", "--against-options=--jornal off")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--jornal" in ended.stderr.splitlines()[-1]


def test_our_own_server_with_another_option_is_the_other_side_beside_a_busy_process() -> None:
    ended = run("bench", "--quick", "--only=turns", "--against-options", "--journal off", "--busy-processes=1")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[0].endswith("; busy processes: 1")
    rows = cells(ended.stdout)
    assert all(float(cell.replace(",", "")) > 0 for row in rows.values() for cell in row[1:])
    assert all(len(row) == 4 for row in rows.values())


@pytest.mark.parametrize("ending", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGINT]])
def test_a_signal_ends_the_servers_too(ending: list[signal.Signals]) -> None:
    command = [sys.executable, "-m", "server", "bench", "--quick", "--rounds", "100"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stderr is not None
        said = ""
        while "throughput" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        (server,) = psutil.Process(process.pid).children()
        for sent in ending:
            process.send_signal(sent)
        assert process.wait(DEADLINE) == 130
        assert "Traceback" not in process.stderr.read()
    assert not server.is_running()


def test_a_server_that_does_not_start_is_reported(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(MODEL_PATH.read_bytes()[:100_000])
    ended = run("bench", "--quick", "--model", str(broken))
    assert ended.returncode == 2
    assert "ended with status 2 before it answered" in ended.stderr.splitlines()[-1]
    assert str(broken) in ended.stderr.splitlines()[-1]
