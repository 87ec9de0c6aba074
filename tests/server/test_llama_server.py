"""``streamui serve --upstream`` in front of a real llama-server: run with ``LLAMA_SERVER=FILE``, else skipped.

``LLAMA_SERVER_MODEL``: its model file; without it the starter. docs/performance.md says how it is built.
"""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from server.starter import MODEL_PATH
from tests.server.test_main import START as START_SECONDS
from tests.server.test_main import started
from tests.server.test_upstream import START, Log, messages, read_until, text_of
from tests.server.writers.upstream.scripted import held_port

PROGRAM = os.environ.get("LLAMA_SERVER", "")
MODEL = os.environ.get("LLAMA_SERVER_MODEL") or str(MODEL_PATH)

pytestmark = pytest.mark.skipif(not PROGRAM, reason="LLAMA_SERVER names no llama-server")

GREEDY = {"temperature": 0, "max_tokens": 60}
LONGER = {"temperature": 0, "max_tokens": 500}
"""For JSON, which a small model may fill with white space."""

QUESTIONS = [f"Tell me a story about {number} ships and the sea." for number in range(16)]


@contextlib.contextmanager
def llama_server(port: int, slots: int = 4) -> Iterator[subprocess.Popen[bytes]]:
    """Run llama-server on a port until the end of the block. StreamUI waits while it loads."""
    command = [PROGRAM, "-m", MODEL, "--port", str(port), "-np", str(slots), "-c", str(1024 * slots), "-t", "2"]
    with subprocess.Popen([*command, "--reuse-port"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


async def listening(port: int) -> None:
    """Wait until something answers on the port. llama-server tells no other process that it listens."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def front(data: Path, port: int, *options: str) -> AsyncIterator[str]:
    await listening(port)
    url = f"http://127.0.0.1:{port}"
    async with started(str(data), "--upstream", url, "--upstream-patience", "120", *options) as (_, address):
        yield address


async def answers(address: str, port: int, kill: "subprocess.Popen[bytes] | None") -> list[list[dict[str, Any]]]:
    """Return the log of each answer. ``kill``: the llama-server to kill once four answers have ten pieces."""
    ids = [f"g{number}" for number in range(len(QUESTIONS))]
    async with connect(f"ws://{address}/ws", proxy=None) as socket:
        for id, question in zip(ids, QUESTIONS, strict=True):
            body = {**START, "id": id, "prompt": question, "params": GREEDY}
            await socket.send(json.dumps(body))

        def some(log: Log) -> bool:
            return sum(int(each[-1]["seq"]) >= 10 for each in log.values()) >= 4

        def all_done(log: Log) -> bool:
            return all(id in log and log[id][-1]["type"] == "done" for id in ids)

        log: Log = {}
        if kill is None:
            await read_until(socket, all_done, log)
        else:
            await read_until(socket, some, log)
            kill.kill()
            kill.wait()
            with llama_server(port):
                await read_until(socket, all_done, log)
    return [log[id] for id in ids]


async def test_greedy_answers_are_the_same_after_llama_server_was_killed(tmp_path: Path) -> None:
    with held_port() as port:
        with llama_server(port):
            async with front(tmp_path / "one", port) as address:
                unbroken = await answers(address, port, None)
        with llama_server(port) as process:
            async with front(tmp_path / "two", port) as address:
                killed = await answers(address, port, process)
    assert [text_of(log) for log in killed] == [text_of(log) for log in unbroken]
    for log, whole in zip(killed, unbroken, strict=True):
        counts, wanted = (each[-1]["usage"]["completion_tokens"] for each in (log, whole))
        assert counts == wanted
        assert [message["type"] for message in log].count("done") == 1
    assert any(log[-1]["usage"].get("counted") for log in killed), "none was broken off: give it a slower model"


async def test_stop_is_confirmed_in_the_answer(tmp_path: Path) -> None:
    with held_port() as port, llama_server(port):
        async with front(tmp_path, port) as address, connect(f"ws://{address}/ws", proxy=None) as socket:
            welcome = json.loads(await socket.recv())
            assert "stop" not in welcome["model"]
            await socket.send(json.dumps({**START, "params": {"max_tokens": 900, "logit_bias": {"2": -100}}}))
            log = await read_until(socket, lambda log: bool(log), {})
            await socket.send('{"type": "cancel", "id": "g1"}')
            await read_until(socket, lambda log: log["g1"][-1]["type"] == "done", log)
            done = log["g1"][-1]
            assert done["reason"] in ("cancelled", "stop")
            if done["reason"] == "cancelled":
                assert done["timings"]["stop"] >= 0


async def test_an_answer_under_a_schema_obeys_it(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"red": {"type": "boolean"}}, "required": ["red"]}
    with held_port() as port, llama_server(port):
        async with front(tmp_path, port) as address:
            found = await messages(address, {**START, "params": {**LONGER, "json_schema": schema}})
            assert isinstance(json.loads(text_of(found))["red"], bool)


async def test_a_prompt_that_is_too_long_fails_with_the_sentence_of_llama_server(tmp_path: Path) -> None:
    with held_port() as port, llama_server(port):
        async with front(tmp_path, port) as address:
            found = await messages(address, {**START, "prompt": "a b c " * 3000})
            assert found[-1]["reason"] == "failed"
            assert "context" in found[-1]["error"]["message"]
