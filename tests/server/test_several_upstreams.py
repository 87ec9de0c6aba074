"""``streamui serve`` with several upstreams, beside a local model, in a process of its own."""

import asyncio
import json
import shutil
import signal
import urllib.request
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from server.starter import MODEL_PATH
from tests.server.test_main import assert_told_in_one_line, run, started
from tests.server.test_upstream import messages, text_of
from tests.server.writers.upstream.scripted import Scripted, held_port
from tests.server.writers.upstream.scripted_reply import ANSWER, Reply, words

DEADLINE = 120
SHORT = {"max_tokens": 3, "temperature": 0}


def asked(model: str | None, **fields: Any) -> dict[str, Any]:
    named = {"model": model} if model else {}
    return {"type": "generate", "prompt": "Hi", "on_detach_ms": None, **named, **fields}


async def test_each_model_answers_under_its_own_name_and_the_local_one_is_the_default(tmp_path: Path) -> None:
    local = tmp_path / "local.gguf"
    shutil.copy(MODEL_PATH, local)
    with Scripted("vllm") as one, Scripted("llama-server") as two:
        options = ("--model", str(local), "--upstream", f"a={one.url}", "--upstream", f"b={two.url}")
        async with started(str(tmp_path), *options) as (_, address):
            welcome, *_ = await messages(address, asked(None, params=SHORT))
            stops = {model["name"]: model.get("stop") for model in welcome["models"]}
            assert {"local": None, "a/scripted": "asked", "b/scripted": None}.items() <= stops.items()
            assert welcome["model"]["name"] == "local"
            steers = {model["name"]: "steer" in model["features"] for model in welcome["models"]}
            assert {"local": True, "a/scripted": False, "b/scripted": False}.items() <= steers.items()
            assert "steer" in welcome["features"]
            assert (len(one.answers), len(two.answers)) == (0, 0)
            found = await messages(address, asked("a/scripted"))
            assert (found[1]["model"], text_of(found)) == ("a/scripted", ANSWER)
            assert (await messages(address, asked("b/scripted")))[-1]["reason"] == "stop"
            assert (len(one.answers), len(two.answers)) == (1, 1)
            refused = await messages(address, asked("scripted"), until="error")
            assert refused[-1]["code"] == "unknown_model"
            assert "'a/scripted', 'b/scripted'" in refused[-1]["message"]


async def test_one_that_is_down_at_the_start_has_failed_and_is_served_once_it_is_back(tmp_path: Path) -> None:
    with Scripted("vllm") as up, held_port() as port:
        options = ("--upstream", f"up={up.url}", "--upstream", f"down=http://127.0.0.1:{port}")
        async with started(str(tmp_path), *options) as (_, address):
            welcome, *rest = await messages(address, asked("up/scripted"))
            assert text_of(rest) == ANSWER
            assert [(model["name"], model["state"]) for model in welcome["models"]] == [
                ("up/scripted", "loaded"),
                ("down", "failed"),
            ]
            assert "can't be reached" in welcome["models"][1]["error"]
            refused = await messages(address, asked("down"), until="error")
            assert refused[-1]["code"] == "engine_failed"
            assert "can't be reached" in refused[-1]["message"]
            with urllib.request.urlopen(f"http://{address}/healthz") as health:
                assert json.load(health)["status"] == "ok"
            async with asyncio.timeout(DEADLINE), connect(f"ws://{address}/ws", proxy=None) as socket:
                assert json.loads(await socket.recv())["models"][1]["state"] == "failed"
                await socket.send('{"type": "watch"}')
                with Scripted("vllm", port=port) as back:
                    news: dict[str, Any] = {}
                    while news.get("name") != "down/scripted":
                        news = json.loads(await socket.recv())
                    assert (news["type"], news["state"]) == ("model", "loaded")
                    assert text_of(await messages(address, asked("down/scripted"))) == ANSWER
                    assert len(back.answers) == 1


async def test_one_that_goes_down_leaves_the_other_alone(tmp_path: Path) -> None:
    with Scripted("vllm") as up, Scripted("vllm") as down:
        options = ("--upstream", f"up={up.url}", "--upstream", f"down={down.url}", "--upstream-patience", "0")
        async with started(str(tmp_path), *options) as (_, address):
            down.__exit__()
            failed = await messages(address, asked("down/scripted"))
            assert failed[-1]["reason"] == "failed"
            welcome, *rest = await messages(address, asked("up/scripted"))
            assert text_of(rest) == ANSWER
            states = {model["name"]: model["state"] for model in welcome["models"]}
            assert states == {"up/scripted": "loaded", "down/scripted": "failed"}


async def test_a_killed_server_continues_with_the_upstream_that_wrote_also_before_that_can_be_reached(
    tmp_path: Path,
) -> None:
    start = asked("b/scripted", id="g1")
    with Scripted("vllm") as one, held_port() as port:
        options = ("--upstream", f"a={one.url}", "--upstream", f"b=http://127.0.0.1:{port}")
        with Scripted("vllm", lambda seen: Reply(hold=3), port):
            async with started(str(tmp_path), *options) as (process, address):
                found = await messages(address, start, until="token")
                process.send_signal(signal.SIGKILL)
                await process.wait()
        async with started(str(tmp_path), *options) as (_, address):
            with Scripted("vllm", port=port) as back:
                after = await messages(address, {"type": "attach", "id": "g1", "after": found[-1]["seq"]})
                assert text_of(found) + text_of(after) == ANSWER
                assert (after[-1]["reason"], after[-1]["usage"]["completion_tokens"]) == ("stop", len(words(ANSWER)))
                assert len(back.answers) == 1
        assert not one.answers


def test_when_none_can_be_reached_the_first_is_named_in_one_line(tmp_path: Path) -> None:
    with held_port() as port:
        url = f"http://127.0.0.1:{port}"
        ended = run("serve", "--port=0", "--data", str(tmp_path), "--upstream", f"a={url}", "--upstream", f"b={url}")
    assert_told_in_one_line(ended, f"--upstream {url}: it can't be reached", "start it, or check the address")
