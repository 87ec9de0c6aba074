"""``python -m protocol.conformance`` and the pytest plugin, against a real server and a broken one."""

import asyncio
import contextlib
import contextvars
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from protocol.conformance.__main__ import main
from protocol.conformance.plugin import CasesFile
from protocol.conformance.script import Case, Compare, Transport, load_cases, load_file, those_for
from server.guard.guard import Guard
from server.guard.token_store import TokenStore, hash_of
from server.guard.tokens import Tokens, new_token
from tests.conformance.broken import NoPong, WrongHash
from tests.conformance.proxy import proxy
from tests.conformance.serving import PacedModel, in_thread, url_of
from tests.server.transports.running import serving


@pytest.fixture(scope="module")
def broken_url(scripted_url: str) -> Iterator[str]:
    with in_thread(lambda: proxy(scripted_url, WrongHash)) as port:
        yield f"ws://127.0.0.1:{port}/ws"


def test_a_good_server(scripted_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([scripted_url, "--case", "ping*", "--case", "6.4/1", "--strict"]) == 0
    printed = capsys.readouterr().out
    assert "ok   ping " in printed
    assert "ok   one-end " in printed
    assert " passed" in printed.splitlines()[-1]


@pytest.mark.parametrize("transport", ["sse", "poll"])
def test_a_good_server_over_http(scripted_port: int, transport: Transport, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([url_of(transport, scripted_port), "--case", "ping*", "--case", "binary-frame", "--strict"]) == 0
    printed = capsys.readouterr().out
    assert "ok   ping " in printed
    assert "binary-frame" not in printed


def test_a_bad_server_is_reported_in_detail(broken_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([broken_url, "--case", "prompt", "--case", "ping"]) == 1
    printed = capsys.readouterr().out
    assert "ok   ping " in printed
    assert "FAIL prompt " in printed
    assert "done.sha256 is not that of the text that came (PROTOCOL 5.7)" in printed
    assert 'a > {"type": "generate"' in printed
    assert 'a < {"type":"done"' in printed
    assert printed.splitlines()[-1].endswith(": 1 passed, 1 failed")


def test_json(broken_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([broken_url, "--case", "prompt", "--case", "ping", "--json"]) == 1
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert {id: row["outcome"] for id, row in rows.items()} == {"ping": "passed", "prompt": "failed"}
    assert rows["prompt"]["broken"] == ["5.7"]
    assert rows["prompt"]["transcript"]
    assert not rows["ping"]["transcript"]


async def test_a_deadline_names_what_did_not_come(scripted_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with proxy(scripted_url, NoPong) as port:
        url = f"ws://127.0.0.1:{port}/ws"
        assert await asyncio.to_thread(main, [url, "--case", "ping", "--deadline", "5"]) == 1
    assert 'for {"type": "pong", "nonce": "7"}, which did not come' in capsys.readouterr().out


def test_inconclusive_counts_only_when_strict(scripted_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (Compare(value=1, to=2, needed=True),)
    monkeypatch.setattr(
        "protocol.conformance.__main__.load_cases", lambda: [Case(id="c", title="t", checks=("1",), steps=steps)]
    )
    assert main([scripted_url]) == 0
    assert main([scripted_url, "--strict"]) == 1


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(load_cases())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["http://127.0.0.1:9/channel"],
        ["ws://127.0.0.1:9/ws", "--case", "nonsense"],
        ["ws://127.0.0.1:9/ws"],
        ["http+sse://127.0.0.1:9/channel"],
        ["http+poll://127.0.0.1:9/channel"],
        ["http+poll://127.0.0.1:9/channel", "--case", "plain-*"],
    ],
)
def test_wrong_calls(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bad_case_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"id": "a", "title": "t", "checks": [], "steps": [{"do": "dance"}]}]')
    with pytest.raises(ValueError, match=r"x\.json: .*dance"):
        load_file(tmp_path / "x.json")


def test_two_cases_of_one_name(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / f"{name}.json").write_text('[{"id": "a", "title": "t", "checks": [], "steps": []}]')
    with pytest.raises(ValueError, match="two cases are called a"):
        load_cases(tmp_path)


async def run_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest in its own process, as the author of another server would."""
    command = [sys.executable, "-m", "pytest", "-p", CasesFile.__module__, "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def test_the_plugin_makes_a_test_of_each_case(scripted_url: str, tmp_path: Path) -> None:
    status, printed = await run_pytest(tmp_path, "--protocol-url", scripted_url, "-k", "ping or welcome", "-v")
    assert status == 0, printed
    assert "03-hello-ping-status.json::ping PASSED" in printed
    assert f"{len(those_for(load_cases(), 'websocket'))} items" in printed


async def test_the_plugin_reports_like_the_command_line(broken_url: str, tmp_path: Path) -> None:
    status, printed = await run_pytest(
        tmp_path, "--protocol-url", broken_url, "-k", "chars-and-hash", "--protocol-strict"
    )
    assert status == 1, printed
    assert "done.sha256 is not that of the text that came (PROTOCOL 5.7)" in printed
    assert 'a < {"type":"done"' in printed


async def test_the_plugin_runs_over_http_what_makes_sense_there(scripted_port: int, tmp_path: Path) -> None:
    url = url_of("sse", scripted_port)
    status, printed = await run_pytest(tmp_path, "--protocol-url", url, "-k", "ping or binary", "-v")
    assert status == 0, printed
    assert "03-hello-ping-status.json::ping PASSED" in printed
    assert "binary-frame" not in printed


async def test_the_plugin_names_the_addresses_that_it_takes(tmp_path: Path) -> None:
    status, printed = await run_pytest(tmp_path, "--protocol-url", "http://127.0.0.1:9/channel")
    assert status == pytest.ExitCode.USAGE_ERROR, printed
    assert "http+sse" in printed


async def test_without_a_url_the_plugin_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text("def test_x():\n    pass\n")
    status, printed = await run_pytest(tmp_path)
    assert status == 0, printed
    assert "1 passed" in printed


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_a_server_that_asks_for_a_token(
    transport: Transport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, token = TokenStore(tmp_path), new_token()
    store.add("kit", hash_of(token))
    store.close()

    @contextlib.asynccontextmanager
    async def locked() -> AsyncIterator[int]:
        guard = Guard(tokens=Tokens(TokenStore(tmp_path)))
        async with serving(PacedModel(slots=2, answer_tokens=200), guard=guard) as server:
            yield server.port

    with in_thread(locked) as port:
        case = ["--case", "6.4/1", "--case", "attach-from-a-cursor", "--case", "reconnect", "--case", "channel-name"]
        assert contextvars.Context().run(main, [url_of(transport, port), *case, "--token", token]) == 0
        assert contextvars.Context().run(main, [url_of(transport, port), "--case", "6.4/1", "--token", "sui_no"]) != 0
    assert " passed" in capsys.readouterr().out
