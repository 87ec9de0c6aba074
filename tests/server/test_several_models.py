"""``streamui serve`` with two model files, in a process of its own."""

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from server.starter import MODEL_PATH
from tests.server.test_main import assert_told_in_one_line, run, started


@pytest.fixture
def copies(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "one.gguf", tmp_path / "two.gguf"]
    for path in paths:
        shutil.copy(MODEL_PATH, path)
    return [str(path) for path in paths]


async def test_each_file_is_a_model_and_two_of_one_name_are_named_by_their_files(
    tmp_path: Path, copies: list[str]
) -> None:
    one, two = copies
    async with started(str(tmp_path / "data"), "--model", one, "--model", two) as (_, address):
        frames = await answered(address, {"type": "generate", "prompt": "Hi", "model": "two"})
        assert [model["name"] for model in frames[0]["models"]] == ["one", "two"]
        assert all(model["size"] > 1_000_000 for model in frames[0]["models"])
        assert (frames[1]["type"], frames[1]["model"]) == ("accepted", "two")
        assert frames[-1]["reason"] in ("length", "stop")
        with urllib.request.urlopen(f"http://{address}/healthz") as health:
            assert json.load(health)["engine"]["slots"] == 8


async def answered(address: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all messages of one short answer."""
    body = json.dumps({**request, "params": {"max_tokens": 3, "temperature": 0}})
    async with connect(f"ws://{address}/ws?close_when_idle=1", proxy=None) as socket:
        await socket.send(body)
        return [json.loads(frame) async for frame in socket]


def test_one_file_given_twice_is_refused_in_one_line(tmp_path: Path, copies: list[str]) -> None:
    data = str(tmp_path / "data")
    ended = run("serve", "--port=0", "--data", data, "--model", copies[0], "--model", copies[0])
    assert_told_in_one_line(ended, "two models have the name one")
