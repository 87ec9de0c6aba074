"""Start of the servers on both sides of a comparison."""

import asyncio
import shlex
import sys
from pathlib import Path

import psutil
import pytest

from server.bench.bench_error import BenchError
from server.bench.process import running
from server.bench.sides import Load, Ours, RunningServer, StartedServer, filled
from server.bench.target import ask
from server.starter import MODEL_PATH
from tests.server.bench.completions import Completions, serving
from tests.server.transports.running import refusing_port

LOAD = Load(model=Path("some model.gguf"), context=100, parallel=4, threads=2, ends=())


def test_the_words_of_a_command_are_filled_in() -> None:
    command = "server -m {model} --port={port} -c {total} -np {parallel} -t {threads} 'a {context} b'"
    assert filled(command, LOAD, 81) == [
        "server", "-m", "some model.gguf", "--port=81", "-c", "400", "-np", "4", "-t", "2", "a 100 b"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "told"), [("server {modell}", r"\{modell\} is unknown; use one of model"), ("a 'b", "quotation")]
)
def test_a_slip_in_a_command_is_reported(command: str, told: str) -> None:
    with pytest.raises(BenchError, match=f"--against-command: .*{told}"):
        filled(command, LOAD, 81)


async def test_our_server_runs_for_a_block() -> None:
    load = Load(model=MODEL_PATH, context=512, parallel=2, threads=1, ends=(2,))
    children = set(psutil.Process().children())
    async with Ours(load, raw=True).serving() as target:
        (process,) = set(psutil.Process().children()) - children
        answer = await ask(target, "Hello", 8)
        assert (answer.tokens, answer.early) == (8, False)
    assert not process.is_running()


async def test_our_server_that_ends_is_reported_with_its_last_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(MODEL_PATH.read_bytes()[:100_000])
    load = Load(model=broken, context=512, parallel=2, threads=1, ends=())
    with pytest.raises(BenchError, match=r"status 2 before it answered; its last line: .*broken\.gguf"):
        async with Ours(load, raw=True).serving():
            pass


@pytest.mark.parametrize(
    ("code", "told"),
    [("print('one'); print('two'); raise SystemExit(3)", "status 3 .* last line: two$"), ("", "it printed nothing$")],
)
async def test_a_command_that_ends_is_reported_with_its_last_line(code: str, told: str) -> None:
    with pytest.raises(BenchError, match=told):
        async with StartedServer(LOAD, shlex.join([sys.executable, "-c", code]), "completions").serving():
            pass


async def test_a_command_that_there_is_not_is_reported() -> None:
    with pytest.raises(BenchError, match="no-such-server: No such file"):
        async with StartedServer(LOAD, "no-such-server", "completions").serving():
            pass


async def test_output_read_while_it_is_written_stays_whole() -> None:
    written = [str(number) for number in range(100_000, 102_000)]
    code = "for number in range(100_000, 102_000): print(number, flush=True)"
    async with running("counter", [sys.executable, "-c", code]) as process:
        async with asyncio.timeout(60):
            while process.output()[-1:] != written[-1:]:
                await asyncio.sleep(0)
        assert process.output() == written


async def test_a_process_is_ended_with_an_error_of_the_block() -> None:
    children = set(psutil.Process().children())
    with pytest.raises(ZeroDivisionError):
        async with running("sleeper", [sys.executable, "-c", "import time; time.sleep(1000)"]):
            (process,) = set(psutil.Process().children()) - children
            raise ZeroDivisionError
    assert not process.is_running()


async def test_a_process_that_does_not_obey_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.bench.process.END_SECONDS", 0.1)
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(99)"
    )
    children = set(psutil.Process().children())
    async with running("deaf", [sys.executable, "-c", code]) as process:

        async def deaf() -> bool:
            return "deaf" in process.output()

        await process.until(deaf)
        (child,) = set(psutil.Process().children()) - children
    assert not child.is_running()


async def test_a_standing_server() -> None:
    async with serving(Completions().app()) as port:
        async with RunningServer(LOAD, f"http://127.0.0.1:{port}", "completions").serving() as target:
            assert (await ask(target, "Hi", 3)).tokens == 3
    with refusing_port() as port, pytest.raises(BenchError, match="no answer; start"):
        async with RunningServer(LOAD, f"http://127.0.0.1:{port}", "completions").serving():
            pass
    await asyncio.sleep(0)
