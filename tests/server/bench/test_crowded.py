"""The measure of idle connections, and its errors."""

import argparse
import resource

import pytest

from server.bench import crowded
from server.bench.bench_error import BenchError
from server.bench.measures.crowd import Crowd, ProcessUsage, _cost, _pauses, crowd, idling
from server.bench.prompts import Prompts
from server.bench.samples import p99
from server.bench.streamui_target import StreamUI, usage_of
from server.bench.timed_answer import TimedAnswer
from tests.server.test_main import assert_told_in_one_line, run
from tests.server.transports.running import RunningServer

SIZE = Crowd(idle=30, busy=3, short=4, answer=20)


def asked(connections: int = 10, busy: int = 2, **others: object) -> argparse.Namespace:
    given = dict.fromkeys(("against", "against_command", "against_options", "quick", "busy_processes"), None)
    return argparse.Namespace(connections=connections, busy=busy, **{**given, **others})


def target(server: RunningServer) -> StreamUI:
    return StreamUI(f"http://127.0.0.1:{server.port}", raw=True, ends=())


def test_the_cost_is_that_of_each_connection() -> None:
    assert _cost(ProcessUsage(1_000_000, 50), ProcessUsage(1_000_000 + 2048 * 100, 150), 100) == {
        "crowd.memory": [2.0],
        "crowd.files": [1.0],
    }


def test_the_pauses_of_an_answer_that_has_settled() -> None:
    answer = TimedAnswer(0.0, 10)
    for time in (1, 2, 3, 4, 5, 7, 10):
        answer.arrived(time, "x")
    assert _pauses(answer) == [2000, 3000]


def test_the_pauses_of_an_answer_in_few_messages_count_from_the_request() -> None:
    answer = TimedAnswer(0.0, 10)
    answer.arrived(1, "x")
    assert _pauses(answer) == [1000]


def test_resources_of_the_server_are_read_from_its_metrics() -> None:
    told = "# HELP process_open_fds x\nprocess_resident_memory_bytes 1.5e+07\nprocess_open_fds 12.0\nother 7\n"
    assert usage_of(told) == ProcessUsage(15_000_000, 12)
    with pytest.raises(BenchError, match="process_resident_memory_bytes"):
        usage_of("process_open_fds 12.0\n")


async def test_idle_connections_are_open_for_a_block(server: RunningServer) -> None:
    async with idling(target(server), 120):
        assert len(server.connections) == 120
    await server.until(lambda: len(server.connections) == 0)


@pytest.mark.parametrize("idle_first", [False, True])
async def test_a_round(server: RunningServer, idle_first: bool) -> None:
    samples = await crowd(target(server), SIZE, Prompts("seed", 1.0), idle_first=idle_first)
    assert samples["crowd.alone"] and samples["crowd.beside"]
    assert samples["crowd.ratio"] == [p99(samples["crowd.beside"]) / p99(samples["crowd.alone"])]
    assert samples["crowd.files"][0] > 0
    await server.until(lambda: len(server.connections) == 0)


def test_answers_fit_into_the_context() -> None:
    assert crowded.size_of(asked(), 4608).answer == crowded.ANSWER
    assert crowded.size_of(asked(), 200).answer < 200


def test_too_few_open_files_are_reported_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = (100, 100_000)
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    with pytest.raises(
        BenchError, match=r"--connections 10: this needs 268 open files, the limit is 100; enter `ulimit"
    ):
        crowded.check(asked())
    limits = (100, 200)
    with pytest.raises(BenchError, match="raise the hard limit of 200"):
        crowded.check(asked())
    limits = (300, 300)
    crowded.check(asked())


def test_neither_another_server_nor_busy_processes_go_with_it() -> None:
    with pytest.raises(BenchError, match="leave --busy-processes out"):
        crowded.check(asked(busy_processes=1))
    with pytest.raises(BenchError, match="leave --against-command out"):
        crowded.check(asked(against_command="x"))
    assert_told_in_one_line(run("bench", "--connections", "0"), "--connections")


def test_as_a_person_runs_it() -> None:
    options = ("--quick", "--connections", "20", "--busy", "2", "--parallel", "2", "--context", "512", "--threads", "1")
    ended = run("bench", *options)
    assert ended.returncode == 0, ended.stderr
    labels = [line.split("|")[1].strip() for line in ended.stdout.splitlines() if line.startswith("| ")]
    rows = crowded.rows(Crowd(idle=20, busy=2, short=32, answer=16))
    assert [label for label in labels if label][-len(rows) :] == [row.label for row in rows]
