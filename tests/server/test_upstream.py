"""``streamui serve --upstream``, in a process of its own, in front of a scripted upstream and of another StreamUI."""

import asyncio
import itertools
import json
import signal
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.server.test_main import assert_told_in_one_line, run, started
from tests.server.writers.upstream.scripted import Scripted, held_port
from tests.server.writers.upstream.scripted_reply import ANSWER, PROMPT_TOKENS, Reply, Seen, words

DEADLINE = 240.0
"""Time limit for a part of many answers, in seconds, also on a busy machine."""

START = {"type": "generate", "id": "g1", "prompt": "Hi", "on_detach_ms": None}


async def messages(address: str, first: dict[str, Any], until: str = "done") -> list[dict[str, Any]]:
    """Send ``first`` and return all messages up to the first one of type ``until``."""
    found = []
    async with connect(f"ws://{address}/ws", proxy=None) as socket:
        await socket.send(json.dumps(first))
        async for frame in socket:
            found.append(json.loads(frame))
            if found[-1]["type"] == until:
                break
    return found


def text_of(found: list[dict[str, Any]]) -> str:
    return "".join(message["text"] for message in found if message["type"] == "token")


async def test_welcome_tells_what_is_known_of_a_model_behind_another_server(tmp_path: Path) -> None:
    with Scripted("vllm") as scripted:
        async with started(str(tmp_path), "--upstream", scripted.url) as (_, address):
            welcome, *rest = await messages(address, START)
            assert welcome["model"] == {"name": "scripted", "template": "upstream", "context": 4096, "stop": "asked"}
            assert welcome["limits"]["parallel"] == 64
            assert text_of(rest) == ANSWER
            assert rest[-1]["usage"] == {"prompt_tokens": PROMPT_TOKENS, "cached_tokens": 4, "completion_tokens": 8}


async def test_a_killed_server_goes_on_with_the_answer_and_shows_nothing_twice(tmp_path: Path) -> None:
    with Scripted("llama-server") as scripted:
        scripted.plan = lambda seen: Reply(hold=3)
        async with started(str(tmp_path), "--upstream", scripted.url) as (process, address):
            before = await messages(address, START, until="token")
            while (seq := before[-1]["seq"]) < 3:
                before += (await messages(address, {"type": "attach", "id": "g1", "after": seq}, until="token"))[1:]
            process.send_signal(signal.SIGKILL)
            await process.wait()
        scripted.plan = lambda seen: Reply()
        async with started(str(tmp_path), "--upstream", scripted.url) as (_, address):
            after = await messages(address, {"type": "attach", "id": "g1", "after": 3})
        shown = text_of(before)
        assert shown == "".join(words(ANSWER)[:3])
        assert shown + text_of(after) == ANSWER
        done = after[-1]
        assert (done["reason"], done["seq"], done["usage"]["completion_tokens"]) == ("stop", len(words(ANSWER)) + 1, 8)
        assert done["usage"]["prompt_tokens"] == PROMPT_TOKENS


async def test_status_says_in_mid_answer_that_the_upstream_is_busy_until_its_text_comes_again(tmp_path: Path) -> None:
    is_back = threading.Event()

    def plan(seen: Seen) -> Reply:
        if not seen.before:
            return Reply(hold=3, error="restarting")
        return Reply() if is_back.is_set() else Reply(status=503, body=b'{"error": {"message": "Loading model"}}')

    with Scripted("llama-server", plan) as scripted:
        async with started(str(tmp_path), "--upstream", scripted.url) as (_, address):
            async with connect(f"ws://{address}/ws", proxy=None) as socket, asyncio.timeout(DEADLINE):
                await socket.send(json.dumps({**START, "params": {"seed": 1}}))
                found: list[dict[str, Any]] = []
                while not found or found[-1].get("upstream") != "busy":
                    found.append(json.loads(await socket.recv()))
                assert text_of(found) == "".join(words(ANSWER)[:3])
                assert found[-1] == {"type": "status", "id": "g1", "state": "decode", "upstream": "busy"}
                is_back.set()
                while found[-1]["type"] != "done":
                    found.append(json.loads(await socket.recv()))
    assert text_of(found) == ANSWER


async def test_sixteen_answers_survive_the_end_of_their_upstream(tmp_path: Path) -> None:
    """Each is the whole text, with contiguous numbers, all tokens and one end, although the upstream ends twice."""
    text = " ".join(map(str, range(1, 101)))
    ids = [f"g{number}" for number in range(16)]

    def thirty_more(seen: Seen) -> Reply:
        return Reply(answer=text, hold=30)

    def at(seq: int) -> Callable[[Log], bool]:
        return lambda log: all(id in log and log[id][-1]["seq"] >= seq for id in ids)

    with held_port() as port, Scripted("llama-server", thirty_more, port) as first:
        async with started(str(tmp_path), "--upstream", first.url, "--parallel", "16") as (_, address):
            async with connect(f"ws://{address}/ws", proxy=None) as socket:
                for id in ids:
                    await socket.send(json.dumps({**START, "id": id, "params": {"temperature": 0}}))
                log = await read_until(socket, at(30), {})
                first.__exit__()
                with Scripted("llama-server", thirty_more, port):
                    await read_until(socket, at(60), log)
                with Scripted("llama-server", lambda seen: Reply(answer=text), port):
                    await read_until(socket, at(101), log)
    for id in ids:
        assert text_of(log[id]) == text
        assert [message["type"] for message in log[id]].count("done") == 1
        seqs = [(message["seq"] - message.get("n", 1) + 1, message["seq"]) for message in log[id]]
        assert all(begin == end + 1 for (_, end), (begin, _) in itertools.pairwise(seqs))
        done = log[id][-1]
        assert (done["reason"], done["usage"]["completion_tokens"]) == ("stop", 100)
        assert done["usage"]["prompt_tokens"] == PROMPT_TOKENS


Log = dict[str, list[dict[str, Any]]]


async def read_until(socket: ClientConnection, ready: Callable[[Log], bool], log: Log) -> Log:
    """Add the numbered messages of each generation to ``log`` until it is ``ready``."""
    async with asyncio.timeout(DEADLINE):
        while not ready(log):
            message = json.loads(await socket.recv())
            if message["type"] in ("token", "done"):
                log.setdefault(message["id"], []).append(message)
    return log


async def test_after_a_kill_a_kind_that_cannot_continue_keeps_the_text_and_says_so(tmp_path: Path) -> None:
    with Scripted("openai", lambda seen: Reply(hold=3)) as scripted:
        async with started(str(tmp_path), "--upstream", scripted.url) as (process, address):
            await messages(address, START, until="token")
            process.send_signal(signal.SIGKILL)
            await process.wait()
        async with started(str(tmp_path), "--upstream", scripted.url) as (_, address):
            after = await messages(address, {"type": "attach", "id": "g1", "after": 0})
        assert after[-1]["reason"] == "failed"
        assert "can't continue a text" in after[-1]["error"]["message"]
        assert text_of(after) and ANSWER.startswith(text_of(after))


async def test_another_streamui_is_an_upstream(tmp_path: Path) -> None:
    async with started(str(tmp_path / "behind")) as (_, behind):
        async with started(str(tmp_path / "front"), "--upstream", f"http://{behind}/v1") as (_, address):
            body = {"prompt": "Hi", "params": {"temperature": 0, "max_tokens": 12}}
            direct, through = [
                json.load(urllib.request.urlopen(_post(f"http://{each}/generate", body))) for each in (behind, address)
            ]
            assert through["text"] == direct["text"]
            assert through["usage"]["completion_tokens"] == direct["usage"]["completion_tokens"]


async def test_a_conversation_behind_a_llama_server_has_a_size_and_says_what_was_left_out(tmp_path: Path) -> None:
    def post(path: str, body: dict[str, Any]) -> Any:
        return json.load(urllib.request.urlopen(_post(f"http://{address}{path}", body)))

    start = {"type": "generate", "conversation": "c", "on_detach_ms": None}
    with Scripted("llama-server") as scripted:
        async with started(str(tmp_path), "--upstream", scripted.url) as (_, address):
            await asyncio.to_thread(post, "/api/conversations", {"id": "c"})
            first = await messages(address, {**start, "content": "Hi"})
            assert "context" in first[0]["models"][0]["features"]
            found = await asyncio.to_thread(post, "/api/conversations/c/context", {})
            assert (found["context"], found["room"]) == (2048, 1536)
            assert found["tokens"] > len(words(ANSWER))
            second = await messages(address, {**start, "content": "word " * 1530})
            (accepted,) = [each for each in second if each["type"] == "accepted"]
            assert accepted["dropped"] == 2
            assert [each["role"] for each in scripted.answers[-1].body["messages"]] == ["user"]


def _post(url: str, body: dict[str, Any]) -> urllib.request.Request:
    return urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})


async def test_the_key_is_in_no_log_and_no_message(tmp_path: Path) -> None:
    refusal = json.dumps({"error": {"message": "Incorrect API key provided: sk-secret-key"}}).encode()
    with Scripted("openai", lambda seen: Reply(status=401, body=refusal)) as scripted:
        more = ("--upstream", scripted.url, "--log-level", "debug")
        async with started(str(tmp_path), *more, STREAMUI_UPSTREAM_KEY="sk-secret-key") as (process, address):
            found = await messages(address, START)
            process.terminate()
            output = await process.communicate()
        assert found[-1]["reason"] == "failed"
        assert "STREAMUI_UPSTREAM_KEY" in found[-1]["error"]["message"]
        assert "sk-secret-key" not in json.dumps(found)
        assert scripted.answers[0].headers["authorization"] == "Bearer sk-secret-key"
        assert b"sk-secret-key" not in b"".join(output)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--upstream", "gpu:8000"], "http://gpu:8000"),
        (["--upstream", "http://user:secret@gpu"], "STREAMUI_UPSTREAM_KEY"),
        (["--upstream", "http://localhost:1", "--upstream-kind", "magic"], "llama-server"),
        (["--upstream", "http://localhost:1", "--model", "other.gguf"], "--upstream NAME=http://localhost:1"),
        (
            ["--upstream", "http://localhost:1", "--upstream", "b=http://localhost:2"],
            "--upstream NAME=http://localhost:1",
        ),
        (["--upstream", "b=http://localhost:1", "--upstream", "b=http://localhost:2"], "two have the name b"),
        (["--upstream", "a=http://u:1", "--upstream", "b=http://u:2", "--upstream-model", "x"], "leave it out"),
        (["--upstream", "http://localhost:1", "--upstream-patience", "-1"], "0 to 86400"),
    ],
)
def test_a_bad_option_is_told_in_one_line(tmp_path: Path, arguments: list[str], named: str) -> None:
    assert_told_in_one_line(run("serve", "--port=0", "--data", str(tmp_path), *arguments), named)


def test_a_model_that_the_upstream_does_not_have_is_told_in_one_line(tmp_path: Path) -> None:
    with Scripted("vllm") as scripted:
        arguments = ("--upstream", scripted.url, "--upstream-model", "bigger")
        ended = run("serve", "--port=0", "--data", str(tmp_path), *arguments)
        assert_told_in_one_line(ended, "it has no model 'bigger'; it has scripted")
