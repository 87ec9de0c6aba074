"""``streamui chat``: in a pipe, and in a terminal of its own."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from protocol.client import DisconnectedError, Retry
from protocol.messages import DoneReason
from protocol.sync_client import SyncChat, connect_sync
from server.engine.base import SamplingParams
from server.terminal import by_hand
from server.terminal.conversation import TerminalConversation
from tests.protocol.threaded import serving_in_a_thread
from tests.server.engine.scripted_model import END, ScriptedModel, ScriptedSampler
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, refusing_port
from tests.server.writers.model_disk import ModelDisk

COMMAND = [sys.executable, "-m", "server", "chat"]


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with serving_in_a_thread(ScriptedModel()) as server:
        yield server


def environment(server: RunningServer | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMUI_")}
    url = {} if server is None else {"STREAMUI_URL": f"http://127.0.0.1:{server.port}"}
    return {**kept, **url, "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}


def piped(server: RunningServer, text: str | bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    data = text.encode() if isinstance(text, str) else text
    return subprocess.run(
        [*COMMAND, *arguments], input=data, capture_output=True, timeout=DEADLINE, env=environment(server)
    )


def answer(server: RunningServer) -> str:
    """Return the text of the only generation."""
    (generation,) = server.registry._generations.values()
    return generation.log.text


def said(server: RunningServer) -> list[tuple[str, str]]:
    """Return the prompt of the newest generation."""
    *_, generation = server.registry._generations.values()
    return [(message.role, message.content) for message in generation.body.messages or ()]


# --- in a pipe ---


def test_only_the_answer_comes_out_of_a_pipe(server: RunningServer) -> None:
    ended = piped(server, "Hi\n", "--seed", "3", "-p", "max_tokens=20", "--system", "Be brief")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode() == answer(server) + ("" if answer(server).endswith("\n") else "\n")
    assert said(server) == [("system", "Be brief"), ("user", "Hi")]
    (generation,) = server.registry._generations.values()
    assert (generation.body.params.seed, generation.body.params.max_tokens) == (3, 20)


def test_a_model_can_be_named_and_is_loaded(server: RunningServer) -> None:
    disk = ModelDisk(big=1)
    disk.gate.clear()  # a quick load may end before its state is sent
    with (
        serving_in_a_thread(ScriptedModel(), disk) as loading,
        subprocess.Popen(
            [*COMMAND, "Hi", "--model", "big"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=environment(loading),
        ) as process,
    ):  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline() == b"loading the model\n"
        disk.gate.set()
        assert (process.wait(DEADLINE), process.stderr.read()) == (0, b"")
        (generation,) = loading.registry._generations.values()
        assert generation.model == "big"
    ended = piped(server, "Hi\n", "--model", "none")
    assert (ended.returncode, b"no model 'none'" in ended.stderr) == (1, True)


def test_the_pipe_stands_behind_what_the_command_says(server: RunningServer) -> None:
    assert piped(server, b"one\ntwo \xff\n", "Sum", "up:").returncode == 0
    assert said(server) == [("user", "Sum up:\n\none\ntwo \ufffd")]


@pytest.mark.parametrize(
    ("text", "arguments", "status", "named"),
    [
        ("  \n", [], 1, "no prompt: give one"),
        ("x" * 5000, [], 1, "context_overflow"),
        ("Hi", ["--temperature", "3"], 2, "--temperature: temperature must be a number from 0 to 2, not 3"),
        ("Hi", ["-p", "heat=3"], 2, "unknown parameter 'heat'"),
        ("Hi", ["-p", "heat"], 2, "NAME=VALUE"),
        ("Hi", ["--url", "nonsense://x"], 2, "nonsense"),
    ],
)
def test_a_failure_is_one_line(server: RunningServer, text: str, arguments: list[str], status: int, named: str) -> None:
    ended = piped(server, text, *arguments)
    assert (ended.returncode, ended.stdout) == (status, b"")
    (line,) = ended.stderr.decode().splitlines()
    assert line.startswith("streamui: ")
    assert named in line


def test_no_server_is_said_with_the_remedy() -> None:
    with refusing_port() as port:
        command = [*COMMAND, "--url", f"127.0.0.1:{port}", "Hi"]
        ended = subprocess.run(command, input=b"", capture_output=True, timeout=DEADLINE, env=environment())
    assert (ended.returncode, ended.stdout) == (2, b"")
    (line,) = ended.stderr.decode().splitlines()
    assert "streamui serve" in line
    assert f"ws://127.0.0.1:{port}/ws" in line


def test_an_engine_that_fails_is_a_failure(server: RunningServer) -> None:
    server.model.failures.append(ValueError("out of luck"))
    ended = piped(server, "Hi")
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1


def test_ctrl_c_in_a_pipe_stops_the_answer(server: RunningServer) -> None:
    server.model.gate.close()
    with subprocess.Popen(
        [*COMMAND, "Hi"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment(server)
    ) as process:
        server.model.gate.step(12)
        assert process.stdout is not None
        assert process.stdout.read(1)
        server.model.gate.wait_until_held(DEADLINE)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 130
    (generation,) = server.registry._generations.values()
    assert generation.log.done is not None
    assert generation.log.done.reason is DoneReason.CANCELLED


def test_closed_output_stops_the_answer(server: RunningServer) -> None:
    server.model.gate.close()
    with subprocess.Popen(
        [*COMMAND, "Hi"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(server),
    ) as process:  # fmt: skip
        server.model.gate.step(12)
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1)
        server.model.gate.wait_until_held(DEADLINE)
        process.stdout.close()
        server.model.gate.step(8)
        assert (process.wait(DEADLINE), process.stderr.read()) == (1, b"")
    (generation,) = server.registry._generations.values()
    assert generation.log.done is not None
    assert generation.log.done.reason is DoneReason.CANCELLED


# --- by hand ---


class Terminal:
    """The user's end of a terminal."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self.process = process
        self._unread = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def leave(self, key: str) -> int:
        """Press ``key`` until the process has ended; return its exit status.

        A person needs one press. But Python's input() keeps waiting in select() for the next key if SIGINT arrives in
        the microseconds between the prompt and that select(). A press while the process ends would end it otherwise, so
        the next one comes late.
        """
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            self.type(key)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(15)
        raise AssertionError(f"{key!r} did not end it")

    def expect(self, pattern: str) -> str:
        """Return the output up to ``pattern``, a regular expression."""
        deadline = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self._unread)):
            ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{pattern!r} did not come; shown was {self._unread!r}"
            try:
                data = os.read(self._master, 65536)
            except OSError:  # the other end is closed
                data = b""
            assert data, f"{pattern!r} did not come before the end; shown was {self._unread!r}"
            shown = data.decode(errors="replace").replace("\r\n", "\n")
            self._unread += re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", shown)
        shown, self._unread = self._unread[: found.end()], self._unread[found.end() :]
        return shown

    def ask(self, line: str, pattern: str) -> str:
        """Type ``line`` at the prompt; return the output up to ``pattern``."""
        self.expect("> $")
        self.type(line + "\r")
        return self.expect(pattern)


@contextlib.contextmanager
def terminal(server: RunningServer, *arguments: str) -> Iterator[Terminal]:
    """Run ``streamui chat`` in its own controlling terminal, so that Ctrl-C reaches it."""
    master, slave = os.openpty()
    tty = os.ttyname(slave)
    command = ["sh", "-c", f'exec "$@" <{tty} >{tty} 2>&1', "sh", *COMMAND, *arguments]
    process = subprocess.Popen(command, start_new_session=True, env=environment(server))
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)


def test_a_model_that_the_server_does_not_have_is_told_at_once(server: RunningServer) -> None:
    with terminal(server) as person:
        person.ask("/model nothing", r"! this server has no model 'nothing'; it has '")
        person.ask("/quit", "/quit")
        assert person.process.wait(DEADLINE) == 0
    with terminal(server, "--model", "nothing") as person:
        person.expect(r"! this server has no model 'nothing'; it has '")
        assert person.process.wait(DEADLINE) == 1


def test_a_chat_by_hand(server: RunningServer, tmp_path: Path) -> None:
    server.model.gate.close()
    with terminal(server, "--system", "Be kind") as person:
        person.expect("Scripted · 2048 tokens of context")
        person.ask("Hi", "Hi\n")
        server.model.gate.step(14)
        person.expect(r"\S")
        server.model.gate.wait_until_held(DEADLINE)
        person.type("\x03")
        person.expect(r"[0-9]+ tokens · .* · stopped\n")
        server.model.gate.open()
        person.ask("And then?", r"[0-9]+ tokens · [0-9.]+ tokens/s\n")
        assert [role for role, _ in said(server)] == ["system", "user", "assistant", "user"]

        person.ask("/sing", "! unknown command /sing; /help lists the commands")
        person.ask("/set temperature 3", "! temperature must be a number from 0 to 2, not 3")
        person.ask("/set temperature 0.5", "temperature: 0.5")
        person.ask("/params", "temperature: 0.5\n(.*\n)*top_p: the default")
        person.ask(f"/save {tmp_path / 'chat.json'}", "5 messages written")
        saved = json.loads((tmp_path / "chat.json").read_text())
        assert [(message["role"], message["content"]) for message in saved[:4]] == said(server)
        person.ask("x" * 3000, "! messages: the prompt has .* tokens")
        person.ask("/new", "a new conversation")
        person.ask("Hi", r"tokens/s\n")
        assert said(server) == [("system", "Be kind"), ("user", "Hi")]
        person.expect("> $")
        person.type("/quit\r")
        assert person.process.wait(DEADLINE) == 0


class CallingModel(ScriptedModel):
    """Calls `add` until the prompt has a result of it."""

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> ScriptedSampler:
        if b"Result of add" in bytes(token for token in prompt if token < END):
            return super().sampler(params, prompt, written)
        tokens = [*b'{"name": "add", "arguments": {"a": 1}}', END]
        return ScriptedSampler(self, [*prompt, *written], iter(tokens[len(written) :]))


def test_a_call_is_answered_by_hand(tmp_path: Path) -> None:
    functions = tmp_path / "functions.json"
    functions.write_text('[{"name": "add", "parameters": {"type": "object"}}]')
    with serving_in_a_thread(CallingModel()) as server, terminal(server) as person:
        person.ask(f"/tools {functions}", "the model may call add")
        person.ask("What is 1 + 1?", 'the model calls add {"a": 1}\n')
        person.expect("result of add: $")
        person.type("2\r")
        person.expect(r"tokens/s\n")
        person.ask(f"/save {tmp_path / 'chat.json'}", "4 messages written")
        person.type("/quit\r")
        assert person.process.wait(DEADLINE) == 0
    saved = json.loads((tmp_path / "chat.json").read_text())
    assert [message["role"] for message in saved] == ["user", "assistant", "tool", "assistant"]
    assert saved[2]["content"] == "2"
    assert saved[2]["tool_call_id"] == saved[1]["tool_calls"][0]["id"]


def test_an_answer_is_steered_by_hand(server: RunningServer, tmp_path: Path) -> None:
    with terminal(server) as person:
        person.ask("/steer shorter", "! there is no running answer to steer")
        server.model.gate.close()
        person.ask("Hi", "Hi\n")
        server.model.gate.step(14)
        person.expect(r"\S")
        server.model.gate.wait_until_held(DEADLINE)
        person.type("/steer\r")
        person.expect("! /steer TEXT, such as /steer shorter")
        person.type("/steer in French\r/save " + str(tmp_path / "chat.json") + "\r")
        deadline = time.monotonic() + DEADLINE
        while not server.engine._inbox:
            assert time.monotonic() < deadline
        server.model.gate.open()
        person.expect(r"\n> in French\n(.*\n)*[0-9]+ tokens · [0-9.]+ tokens/s\n")
        person.expect("4 messages written")
        saved = json.loads((tmp_path / "chat.json").read_text())
        assert [message["role"] for message in saved] == ["user", "assistant", "user", "assistant"]
        assert (saved[2]["content"], saved[1]["content"] + saved[3]["content"]) == ("in French", answer(server))


def test_a_chat_by_hand_continues_when_it_is_full(server: RunningServer) -> None:
    with terminal(server) as person:
        for _ in range(2):
            person.ask("x" * 700, r"[0-9]+ tokens · [0-9.]+ tokens/s\n")
        person.ask("y" * 700, r"[24] earlier messages left out\n(.*\n)*[0-9]+ tokens · [0-9.]+ tokens/s\n")


def test_a_second_ctrl_c_quits(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.engine, "cancel", lambda id, received: None)  # a stop that never comes about
    server.model.gate.close()
    with terminal(server) as person:
        person.ask("Hi", "Hi\n")
        server.model.gate.step(14)
        person.expect(r"\S")
        person.type("\x03")
        (generation,) = server.registry.active
        deadline = time.monotonic() + DEADLINE
        while generation.cancel_received is None:
            assert time.monotonic() < deadline
        person.type("\x03")
        assert person.process.wait(DEADLINE) == 130


@pytest.mark.parametrize(("key", "status"), [("\x03", 130), ("\x04", 0)])
def test_leaving_at_the_prompt(server: RunningServer, key: str, status: int) -> None:
    with terminal(server) as person:
        person.expect("> $")
        assert person.leave(key) == status


def test_a_server_that_has_gone_is_said_and_the_chat_is_kept(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = f"ws://127.0.0.1:{server.port}/ws"
    chats: list[SyncChat] = []

    @contextlib.contextmanager
    def connect(url: str, token: str | None, retry: Retry) -> Iterator[SyncChat]:
        with connect_sync(next(urls)) as chat:
            chats.append(chat)
            yield chat

    def lines() -> Iterator[str]:
        yield "one"
        chats[0]._loop.call(lambda: chats[0]._chat._finish(DisconnectedError("gone")))
        yield from ("two", "three", "/quit")

    typed, conversation = lines(), TerminalConversation(None, {})
    monkeypatch.setattr(by_hand, "connect_sync", connect)
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    with refusing_port() as port:
        urls = iter([here, f"ws://127.0.0.1:{port}/ws", here])
        assert by_hand.talk(here, conversation) == 0
    assert [message.content for message in conversation.messages][::2] == ["one", "three"]
    assert "! can't connect to" in capsys.readouterr().err
