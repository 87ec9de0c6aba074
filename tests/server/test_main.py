"""The command line, run in a process of its own."""

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from websockets import Subprotocol
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from server import __version__
from server.__main__ import _listen, _refuse_open_door
from server.generations.journal import Journal
from server.option_table import add_options
from server.settings import settings_from
from server.starter import MODEL_PATH
from tests.server.guard.loopback import LOOPBACK

START = 120.0
"""Time limit for the start of a process, in seconds, also on a busy machine."""

END = 60.0
"""Time limit for a process to end after a signal, in seconds, also on a busy machine."""

RUN = 270.0
"""Time limit for a whole command, in seconds; below pytest's own limit for one test."""


PLACES = ("XDG_DATA_HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "OLLAMA_MODELS", "LLAMA_CACHE")
"""Variables that name folders of models."""


def without_models(home: str) -> dict[str, str]:
    """Return an environment in which a server finds no models of this machine."""
    return {name: value for name, value in environment(HOME=home).items() if name not in PLACES}


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMUI_")}
    return {**kept, **more}


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=RUN, env=environment(**environ))


def assert_told_in_one_line(ended: subprocess.CompletedProcess[str], *named: str) -> None:
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("streamui: ")
    for name in named:
        assert name in line


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(tmp_path / "data")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "COMMAND"),
        (["sing"], "sing"),
        (["serve", "--colour", "red"], "--colour"),
        (["serve", "--port", "http"], "--port"),
        (["serve", "--port", "65536"], "0 to 65535"),
        (["serve", "--parallel", "0"], "--parallel"),
        (["serve", "--on-restart", "maybe"], "continue or interrupt"),
        (["serve", "--drain", "-1"], "0 to 86400"),
    ],
)
def test_a_slip_is_reported_in_one_line(arguments: list[str], named: str) -> None:
    assert_told_in_one_line(run(*arguments), named)


def test_a_bad_variable_is_reported_in_one_line() -> None:
    assert_told_in_one_line(run("serve", STREAMUI_PORT="http"), "port", "'http'")


def test_a_missing_model_is_reported_in_one_line(data: str, tmp_path: Path) -> None:
    path = str(tmp_path / "nothing.gguf")
    assert_told_in_one_line(run("serve", "--port=0", "--data", data, "--model", path), path)


def test_the_variable_names_the_model_too(data: str, tmp_path: Path) -> None:
    path = str(tmp_path / "nothing.gguf")
    assert_told_in_one_line(run("serve", "--port=0", "--data", data, STREAMUI_MODEL=path), path)


def test_a_chat_template_that_is_neither_file_nor_name_is_reported_with_the_names(data: str) -> None:
    ended = run("serve", "--port=0", "--data", data, "--chat-template", "chatlm")
    assert_told_in_one_line(ended, "--chat-template chatlm", "chatml", "llama3")


def test_a_broken_chat_template_of_a_model_is_reported_with_what_helps(data: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(
        MODEL_PATH.read_bytes().replace(b"{% for message in messages %}", b"{% for message in messages  }")
    )
    assert_told_in_one_line(
        run("serve", "--port=0", "--data", data, "--model", str(path)), "--chat-template FILE or NAME"
    )


def broken(kind: str) -> bytes:
    whole = MODEL_PATH.read_bytes()
    return {
        "a text": b"# This is no model\n" * 100,
        "empty": b"",
        "cut in its header": whole[:1000],
        "cut in its weights": whole[: len(whole) // 2],
        "of another version": whole[:4] + b"\xff\xff\xff\x7f" + whole[8:],
    }[kind]


@pytest.mark.parametrize("kind", ["a text", "empty", "cut in its header", "cut in its weights", "of another version"])
def test_a_broken_model_is_reported_in_one_line(data: str, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(broken(kind))
    assert_told_in_one_line(run("serve", "--port=0", "--data", data, "--model", str(path)), str(path))


def test_a_folder_is_no_model(data: str, tmp_path: Path) -> None:
    assert_told_in_one_line(run("serve", "--port=0", "--data", data, "--model", str(tmp_path)), str(tmp_path))


def test_a_port_in_use_is_reported_in_one_line(data: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_told_in_one_line(run("serve", "--data", data, "--port", port), port, "--port 0")


def test_an_address_that_is_not_ours_is_reported_in_one_line(data: str) -> None:
    assert_told_in_one_line(run("serve", "--data", data, "--port=0", "--host", "192.0.2.1"), "192.0.2.1")


def test_a_data_folder_that_cannot_be_made_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = str(tmp_path / "file" / "data")
    assert_told_in_one_line(run("serve", "--port=0", "--data", path), "--data", path)


def test_a_data_folder_in_use_is_reported_in_one_line(data: str) -> None:
    Path(data).mkdir()
    with contextlib.closing(Journal(Path(data))):
        assert_told_in_one_line(run("serve", "--port=0", "--data", data), "--data", data, "another server")


def test_tokens_are_not_held_back_by_the_network() -> None:
    """Nagle's algorithm would delay each small frame by 40 ms, until the one before it is acknowledged."""
    with _listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_version_and_help_are_no_mistakes() -> None:
    assert run("--version").stdout == f"streamui {__version__}\n"
    told = run("serve", "--help")
    assert told.returncode == 0
    for option in ("--host", "--port", "--model", "--data", "--context", "--parallel"):
        assert option in told.stdout


@contextlib.asynccontextmanager
async def started(
    data: str, *options: str, program: Sequence[str] = ("-m", "server"), **environ: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run ``streamui serve`` on a free port; yields once it has printed its address. ``program``: what Python runs.

    It finds no models of this machine but those in the data folder.
    """
    arguments = [*program, "serve", "--port=0", "--data", data, *options]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=pipe, stderr=pipe, env={**without_models(f"{data}-home"), **environ}
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START):
            line = (await process.stdout.readline()).decode()
        ready = re.fullmatch(r"StreamUI is ready: http://((?:127\.0\.0\.1|\[::1\]):[0-9]+[^\n]*)\n", line)
        assert ready, line
        yield process, ready[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_server_answers_and_stops(data: str) -> None:
    async with started(data) as (process, address):
        async with connect(f"ws://{address}/ws?close_when_idle=1", proxy=None) as socket:
            await socket.send('{"type":"generate","prompt":"Hello"}')
            frames = [json.loads(frame) async for frame in socket]
        assert frames[-1]["type"] == "done"
        assert "".join(frame.get("text", "") for frame in frames)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END):
            await process.wait()
    assert Path(data).is_dir()


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
@pytest.mark.parametrize("host", ["::1", "[::1]", "0:0:0:0:0:0:0:1"])
async def test_an_ipv6_address_is_served_with_and_without_brackets(data: str, host: str) -> None:
    async with started(data, "--host", host) as (_, address):
        assert address.startswith("[::1]:")
        async with connect(f"ws://{address}/ws", proxy=None, origin=Origin(f"http://{address}")) as connection:
            assert json.loads(await connection.recv())["type"] == "welcome"


@pytest.mark.parametrize("host", ["[::]", "::", "[2001:db8::1]", "[::ffff:192.0.2.1]"])
def test_an_ipv6_address_that_others_reach_needs_tokens(data: str, host: str) -> None:
    assert_told_in_one_line(run("serve", "--data", data, "--port=0", "--host", host), host.strip("[]"), "--auth token")


async def test_the_address_that_is_printed_has_the_root_path(data: str) -> None:
    async with started(data, "--root-path", "/chat/") as (_, address):
        assert address.endswith("/chat")
        async with connect(f"ws://{address}/ws", proxy=None) as connection:
            assert json.loads(await connection.recv())["type"] == "welcome"


async def test_client_faults_leave_no_traceback(data: str) -> None:
    async with started(data) as (process, address):
        with pytest.raises(InvalidStatus, match="400"):
            await connect(f"ws://{address}/ws", proxy=None, subprotocols=[Subprotocol("other.v9")])
        async with connect(f"ws://{address}/ws", proxy=None) as socket:
            await socket.send(b"\xff\xfe", text=True)
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await socket.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1007
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END):
            out, err = await process.communicate()
    assert (out.decode(), err.decode()) == ("", "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_an_address_that_others_reach_needs_tokens(data: str, host: str) -> None:
    ended = run("serve", "--port=0", "--data", data, "--host", host)
    assert_told_in_one_line(ended, host, "--auth token", "streamui token add NAME")


@pytest.mark.parametrize(("host", "loopback"), LOOPBACK.items())
def test_serve_and_doctor_have_one_rule_for_who_needs_no_token(host: str, loopback: bool) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, {"HOME": "/home/someone"})
    with contextlib.nullcontext() if loopback else pytest.raises(SystemExit):
        _refuse_open_door(settings_from(parser.parse_args([f"--host={host}"])))


def test_a_name_for_a_token_that_is_none_is_reported_in_one_line(data: str) -> None:
    assert_told_in_one_line(run("token", "add", "a b", "--data", data), "'a b'")
    assert_told_in_one_line(run("token", "revoke", "nobody", "--data", data), "nobody", "streamui token list")
    assert_told_in_one_line(run("serve", "--allow-origin", "https://a/b"), "--allow-origin", "https://a/b")
    assert_told_in_one_line(run("serve", "--allow-host", "a:80"), "--allow-host", "a:80")


async def test_a_token_that_is_made_and_revoked_while_it_runs(data: str) -> None:
    async with started(data, "--auth=token") as (process, address):
        made = await asyncio.to_thread(run, "token", "add", "alice", "--data", data)
        assert made.returncode == 0
        hello = json.dumps({"type": "hello", "token": made.stdout.strip()})
        await knows(address, hello)
        async with connect(f"ws://{address}/ws", proxy=None) as socket:
            await socket.send(f'{hello}\n{{"type":"generate","prompt":"Hello"}}')
            async for frame in socket:
                if json.loads(frame)["type"] == "done":
                    break
            await asyncio.to_thread(run, "token", "revoke", "alice", "--data", data)
            async with asyncio.timeout(START):
                with pytest.raises(ConnectionClosed) as closed:
                    while True:
                        await socket.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END):
            out, err = await process.communicate()
    assert out == b""
    assert "streamui token add NAME" in err.decode()  # it was started with none
    assert made.stdout.strip() not in err.decode()


async def knows(address: str, hello: str) -> None:
    """Return once the server accepts this `hello`."""
    async with asyncio.timeout(START):
        while True:
            async with connect(f"ws://{address}/ws", proxy=None) as socket:
                await socket.send(f'{hello}\n{{"type":"status"}}')
                with contextlib.suppress(ConnectionClosed):
                    while json.loads(await socket.recv())["type"] != "status":
                        pass
                    return
