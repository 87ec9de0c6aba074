"""``streamui doctor`` reports each fault, with its remedy."""

import argparse
import json
import os
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.doctor import place, program
from server.doctor.finding import Finding, State
from server.doctor.upstreams import upstreams
from server.models.memory import MemoryNeed
from server.models.models_file import ModelsFile
from server.option import without_brackets
from server.option_table import add_options
from server.resources import busy_core_seconds, usable_cores
from server.settings import Settings, settings_from
from server.starter import MODEL_PATH
from tests.server.guard.loopback import LOOPBACK
from tests.server.test_main import run
from tests.server.writers.upstream.scripted import Scripted

GIB = 1 << 30
NEEDS = MemoryNeed(4 * GIB, 3 * GIB, GIB)


def settings(**given: Any) -> Settings:
    parser = argparse.ArgumentParser()
    add_options(parser, {"HOME": "/home/someone"})
    return settings_from(parser.parse_args([f"--{name.replace('_', '-')}={value}" for name, value in given.items()]))


def assert_told(found: Finding, state: State, *words: str) -> None:
    assert found.state is state, found
    assert bool(found.remedy) == (state is not State.OK)
    for word in words:
        assert word in found.text + found.remedy


def test_on_a_good_machine_all_is_well(tmp_path: Path) -> None:
    ended = run("doctor", "--port=0", "--data", str(tmp_path / "new"), "--json")
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one for one in found if one["state"] == "fault"] == []
    checks = "python packages llama.cpp model memory cores data port access page limits clock".split()
    assert [one["check"] for one in found] == checks
    assert ended.returncode == 0
    assert not (tmp_path / "new").exists()


def test_a_fault_is_a_line_with_a_remedy_and_an_exit_status(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_text("no model")
    ended = run("doctor", "--port=0", "--data", str(tmp_path), "--model", str(tmp_path / "bad.gguf"))
    assert ended.returncode == 1
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("fault")]
    assert line.split()[1] == "model"
    assert "not a GGUF file" in line and "--model" in line


def test_an_upstream_is_asked_and_the_starter_is_not_loaded(tmp_path: Path) -> None:
    with Scripted("vllm") as scripted:
        (found,) = upstreams(settings(upstream=scripted.url))
        assert_told(found, State.OK, "vLLM with scripted")
        (found,) = upstreams(settings(upstream=scripted.url, upstream_model="other"))
        assert_told(found, State.FAULT, "it has no model 'other'")
        ended = run("doctor", "--port=0", "--data", str(tmp_path), "--upstream", scripted.url, "--json")
    checks = [json.loads(line)["check"] for line in ended.stdout.splitlines()]
    assert "upstream" in checks and "model" not in checks and "memory" not in checks


def test_a_chat_template_is_tried(tmp_path: Path) -> None:
    (tmp_path / "broken.jinja").write_text("{% for m in messages %}")
    assert list(place.chat_template(None)) == []
    for name, state in (("chatml", State.OK), ("chatlm", State.FAULT), (str(tmp_path / "broken.jinja"), State.FAULT)):
        (found,) = place.chat_template(name)
        assert_told(found, state, name if state is State.OK else "--chat-template")


def test_its_options_are_those_of_serve() -> None:
    ended = run("doctor", "--port=http")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--port" in ended.stderr


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        ("no-such-package>=1", ("no-such-package is missing",)),
        ("pytest>=9999.1", (">=9999.1 is needed",)),
        ("pytest==0.1", ("==0.1 is needed",)),
    ],
)
def test_a_package_that_is_missing_or_old(requirement: str, words: tuple[str, ...]) -> None:
    first, *rest = program.packages([requirement])
    assert_told(first, State.FAULT, *words, "make install")
    assert [one.state for one in rest] == [State.OK]


def test_doctor_skips_requirements_of_extras() -> None:
    (only,) = program.packages(["no-such-package>=1; extra == 'bench'", "pytest>=1"])
    assert_told(only, State.OK, "pytest")


def test_a_llama_cpp_that_does_not_load() -> None:
    assert_told(program.llama("server.no_such_module"), State.FAULT, "can't be loaded", "make clean install")


def test_crashed_check_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.CompletedProcess([], -signal.SIGILL, "", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    assert_told(program.llama(), State.FAULT, "SIGILL", "another processor")


@pytest.mark.parametrize(
    ("available", "state", "words"),
    [
        (3 * GIB, State.FAULT, ("8.0 GiB needed", "KV cache 3.0 GiB", "--context")),
        (9 * GIB, State.WARNING, ("--cache-ram",)),
        (20 * GIB, State.OK, ("4.0 GiB",)),
    ],
)
def test_the_memory_that_a_model_needs(available: int, state: State, words: tuple[str, ...]) -> None:
    assert_told(place.memory(settings(), [NEEDS], available), state, *words)


@pytest.mark.parametrize(
    ("busy", "state", "words"),
    [(0.3, State.OK, "less than one"), (0.8, State.WARNING, "1 of"), (2.2, State.WARNING, "2 of")],
)
def test_other_programs_on_the_cores_are_reported(busy: float, state: State, words: str) -> None:
    assert_told(place.cores(busy), state, words, str(usable_cores()))


def test_cores_are_measured_where_the_system_reports_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter((100.0, 100.0 + 100 * place.MEASURED_SECONDS))
    monkeypatch.setattr(place, "busy_core_seconds", lambda: next(seconds))
    assert_told(place.cores(), State.WARNING, "cores are busy with other programs")
    monkeypatch.setattr(place, "busy_core_seconds", lambda: None)
    assert_told(place.cores(), State.OK, "doesn't say")


def test_busy_seconds_are_those_of_the_cores_that_this_process_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  9 9 9 9 9 9 9 9 9 9\n"
        "cpu0 1000 100 10 90000 9000 1 2 3 500 0\n"
        "cpu1 7 7 7 7 7 7 7 7 7 7\n"
        "cpu12 2000 0 0 5 5 0 0 0 0 0\n"
        "intr 12 0\n"
    )
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 12}, raising=False)
    assert busy_core_seconds(stat) == (1000 + 100 + 10 + 1 + 2 + 3 + 2000) / os.sysconf("SC_CLK_TCK")
    stat.write_text("")
    assert busy_core_seconds(stat) is None
    assert busy_core_seconds(tmp_path / "none") is None


def test_the_needs_of_several_models_are_added() -> None:
    assert_told(place.memory(settings(cache_ram=0), [NEEDS, NEEDS], 15 * GIB), State.FAULT, "16.0 GiB needed")
    assert_told(place.memory(settings(cache_ram=0), [NEEDS, NEEDS], 17 * GIB), State.OK)


def test_a_wrong_models_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text("[starter]\ncontxt = 64")
    found = place.models_file(settings(data=tmp_path))
    assert isinstance(found, Finding)
    assert_told(found, State.FAULT, "models.toml, line 2", "did you mean context?")


def test_the_options_of_a_model_lower_its_need(tmp_path: Path) -> None:
    def need(text: str) -> MemoryNeed:
        (tmp_path / "models.toml").write_text(text)
        asked = settings(data=tmp_path)
        file = place.models_file(asked)
        assert isinstance(file, ModelsFile)
        found = place.model(asked, MODEL_PATH, file)[1]
        assert found is not None
        return found

    usual, small = need(""), need("[starter]\ncontext = 512\nparallel = 1")
    assert usual.kv == 16 * small.kv


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = list(place.data_folder(tmp_path / "file" / "data"))
    assert_told(found[-1], State.FAULT, "can't be written", "--data")


@pytest.mark.parametrize(("free", "state"), [(1 << 20, State.FAULT), (512 << 20, State.WARNING), (GIB, State.OK)])
def test_room_on_the_disk(tmp_path: Path, free: int, state: State) -> None:
    (found,) = place.data_folder(tmp_path, free)
    assert_told(found, state)


def test_a_journal_that_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (x)")
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 100)
        db.commit()
    assert_told(list(place.data_folder(tmp_path))[1], State.OK, "intact")
    with path.open("r+b") as file:
        file.seek(4096 + 8)
        file.write(os.urandom(3000))
    assert_told(list(place.data_folder(tmp_path))[1], State.FAULT, "journal.sqlite3", "moves a broken file aside")


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, _ = place.address(settings(port=taken.getsockname()[1]))
    assert_told(port, State.FAULT, "in use", "--port")


@pytest.mark.parametrize(("host", "loopback"), LOOPBACK.items())
def test_doctor_reports_who_reaches_a_server_without_login(host: str, loopback: bool) -> None:
    access = place.access(settings(host=host))
    if loopback:
        assert_told(access, State.OK, without_brackets(host))
    else:
        assert_told(access, State.FAULT, without_brackets(host) or "any address", "no log-in")


def test_browser_libraries_that_are_missing(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"dependencies":{"marked":"1","katex":"1"}}')
    (tmp_path / "node_modules" / "marked").mkdir(parents=True)
    assert_told(program.browser_libraries(tmp_path), State.WARNING, "katex missing", "npm ci")
    (tmp_path / "node_modules" / "katex").mkdir()
    assert_told(program.browser_libraries(tmp_path), State.OK, "marked, katex")
    assert_told(program.browser_libraries(tmp_path / "installed"), State.OK)


def test_few_open_files_and_a_clock_that_was_never_set() -> None:
    assert_told(place.open_files(256), State.WARNING, "256", "ulimit -n")
    assert_told(program.clock(0.0), State.FAULT, "1970-01-01", "NTP")
