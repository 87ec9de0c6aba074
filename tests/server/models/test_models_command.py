"""`streamui models`: list, show, rm."""

import argparse
import io
import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from server.engine.base import ModelError
from server.models.memory import BATCH, FLOAT
from server.models.models_command import OPTIONS, add_options, run
from server.option_table import options
from tests.server.models.headers import EMBEDDING, LLAMA, header, write
from tests.server.models.small_hub import COMMIT, SmallHub, serving
from tests.server.models.small_server import DEADLINE
from tests.server.test_main import assert_told_in_one_line, environment
from tests.server.test_main import run as streamui


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "models"
    write(folder / "Tiny-Q4_K_M.gguf", size=3 << 20)
    return folder


class Terminal(io.StringIO):
    """A person at the keyboard."""

    def isatty(self) -> bool:
        return True


def command(own: Path, *arguments: str, **more: str) -> int:
    environ = {"HOME": str(own / "nowhere"), "STREAMUI_DATA": str(own.parent), **more}
    parser = argparse.ArgumentParser()
    add_options(parser, [each for each in options(environ) if each.name in OPTIONS], environ)
    return run(parser.parse_args(arguments), environ)


def test_the_table(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(own, "--context", "1024", "--parallel", "2") == 0
    heading, starter, tiny = capsys.readouterr().out.splitlines()
    assert heading.split() == ["NAME", "SIZE", "QUANT", "PARAMETERS", "CONTEXT", "NEEDS", "FITS", "WHERE"]
    assert starter.split()[0] == "starter"
    assert tiny.split()[:6] == ["Tiny-Q4_K_M", "3", "MiB", "Q4_K_M", "15M", "4096"]
    assert tiny.endswith("streamui")


def test_json_has_the_need_by_context_and_parallel(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def needed(*arguments: str) -> int:
        command(own, "--json", *arguments)
        tiny = json.loads(capsys.readouterr().out.splitlines()[1])
        assert (tiny["name"], tiny["size"], tiny["fits"]) == ("Tiny-Q4_K_M", 3 << 20, True)
        return int(tiny["needs"])

    small, large = needed("--context", "1000", "--parallel", "1"), needed("--context", "3000", "--parallel", "2")
    assert large - small == 256 * 5000 + 5 * 2000 * BATCH * FLOAT
    assert needed() - small == 256 * (4 * 4096 - 1000) + 5 * 3096 * BATCH * FLOAT


def test_what_is_left_out_is_told_when_asked_for(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(own / "embed.gguf", EMBEDDING)
    command(own)
    assert capsys.readouterr().out.splitlines()[-1] == "1 more file is not a usable chat model: streamui models --all"
    command(own, "--all")
    assert "left out: streamui/embed: it is an embedding model" in capsys.readouterr().out
    command(own, "--all", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["left_out"] == "it is an embedding model"


def test_show(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(own, "show", "tiny-q4_k_m", "--context", "1024") == 0
    shown = capsys.readouterr().out
    for text in ("streamui/Tiny-Q4_K_M", str(own / "Tiny-Q4_K_M.gguf"), "4096 tokens", "its own", "it fits"):
        assert text in shown
    assert command(own, "show", "Tiny-Q4_K_M", "--json") == 0
    assert json.loads(capsys.readouterr().out)["template"] is True


def test_show_says_who_recommends_the_sampling(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(own / "smol.gguf", {**LLAMA, "general.name": "SmolLM2 360M"})
    command(own, "show", "smol")
    assert "HuggingFaceTB/SmolLM2-135M-Instruct, model card" in capsys.readouterr().out
    command(own, "show", "smol", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["sampling"]["temperature"], facts["sampling_from"][:13]) == (0.2, "HuggingFaceTB")
    command(own, "show", "starter")
    assert "the model file" in capsys.readouterr().out


def test_show_has_the_options_of_models_toml(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def facts() -> dict[str, Any]:
        command(own, "show", "tiny-q4_k_m", "--json")
        return dict(json.loads(capsys.readouterr().out))

    usual = facts()
    (own.parent / "models.toml").write_text(
        '["Tiny-Q4_K_M"]\ncontext = 1024\ntype_k = "q8_0"\nsampling = { temperature = 0.5 }\n'
    )
    changed = facts()
    assert (usual["options"], changed["options"]) == ({}, {"context": 1024, "type_k": "q8_0", "type_v": "f16"})
    assert changed["needs"] < usual["needs"]
    assert (changed["sampling"]["temperature"], changed["sampling_from"]) == (0.5, "models.toml")
    command(own, "show", "tiny-q4_k_m")
    shown = capsys.readouterr().out
    assert re.search(r"models\.toml +context 1024, type_k q8_0, type_v f16\n", shown)
    command(own)
    assert "tiny" in capsys.readouterr().out.lower()
    (own.parent / "models.toml").write_text("[tiny]\ncontext = 1")
    with pytest.raises(ModelError, match=r"models\.toml, line 2: context: give a whole number"):
        command(own)


def test_options_before_the_subcommand_stay(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(own, "--parallel", "1", "--context", "1024", "show", "Tiny-Q4_K_M", "--json")
    before = json.loads(capsys.readouterr().out)
    command(own, "show", "Tiny-Q4_K_M", "--json", "--parallel", "1", "--context", "1024")
    assert json.loads(capsys.readouterr().out) == before


def test_rm_deletes_all_parts(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        write(own / f"Big-0000{number}-of-00002.gguf")
    assert command(own, "rm", "Big", "--yes") == 0
    assert [path.name for path in own.iterdir()] == ["Tiny-Q4_K_M.gguf"]
    assert "Big is deleted" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("yes", 0), ("", 1), ("n", 1)])
def test_rm_asks(own: Path, answer: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    assert command(own, "rm", "Tiny-Q4_K_M") == status
    assert (own / "Tiny-Q4_K_M.gguf").exists() is bool(status)


def test_rm_without_a_person_needs_yes(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(ModelError, match="add --yes"):
        command(own, "rm", "Tiny-Q4_K_M")
    assert (own / "Tiny-Q4_K_M.gguf").exists()


@pytest.mark.parametrize("name", ["starter", "theirs"])
def test_rm_leaves_the_files_of_others(own: Path, name: str) -> None:
    theirs = write(own / "nowhere" / ".lmstudio/models/maker/repo/theirs.gguf")
    with pytest.raises(ModelError, match="only models in the models folder"):
        command(own, "rm", name, "--yes")
    assert theirs.exists()


def test_get_downloads_and_names_what_came(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(SmallHub({"new-Q8_0.gguf": header()})) as hub:
        assert command(own, "get", "maker/repo", HF_ENDPOINT=hub.url) == 0
        told = capsys.readouterr()
        assert f"new-Q8_0 is in {own / 'maker' / 'repo' / 'new-Q8_0.gguf'}" in told.out
        assert "streamui serve --model new-Q8_0" in told.out
        assert "Downloading maker/repo: new-Q8_0" in told.err
        assert command(own, "show", "repo/new-Q8_0") == 0
        address = f"{hub.url}/maker/repo/resolve/{COMMIT}/new-Q8_0.gguf"
        assert command(own, "get", address) == 0


def test_ctrl_c_ends_a_download_quietly_and_lists_nothing(own: Path) -> None:
    content = header() + b"\0" * 3_000_000
    gate = threading.Event()
    with serving(SmallHub({"new-Q8_0.gguf": content}, cut=[2_500_000], gate=gate)) as hub:
        environ = environment(HF_ENDPOINT=hub.url, STREAMUI_MODELS_DIR=str(own), HOME=str(own), OLLAMA_MODELS=str(own))
        asked = [sys.executable, "-m", "server", "models", "get", "maker/repo"]
        with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as getting:
            try:
                assert hub.waiting.wait(DEADLINE)
                getting.send_signal(signal.SIGINT)
                _, told = getting.communicate(timeout=DEADLINE)
            finally:
                getting.kill()
                gate.set()
        assert (getting.returncode, told.splitlines()[1:]) == (130, [])
        assert not list(own.rglob("new*.gguf"))
        assert command(own, "get", "maker/repo", HF_ENDPOINT=hub.url) == 0
    assert (own / "maker" / "repo" / "new-Q8_0.gguf").read_bytes() == content


def test_get_says_when_what_came_is_no_chat_model(own: Path) -> None:
    with (
        serving(SmallHub({"new-Q8_0.gguf": header(EMBEDDING)})) as hub,
        pytest.raises(ModelError, match="not a usable"),
    ):
        command(own, "get", "maker/repo", HF_ENDPOINT=hub.url)


@pytest.mark.parametrize("name", ["smollm2-135m", "maker/repo", "http://127.0.0.1:9/a.gguf"])
def test_get_downloads_nothing_offline(own: Path, name: str) -> None:
    with pytest.raises(ModelError, match="--offline is on"):
        command(own, "get", name, "--offline", "on")


@pytest.mark.parametrize("name", ["a", "a/b/c", "ftp://a/b.gguf", ""])
def test_get_says_what_it_takes(own: Path, name: str) -> None:
    with pytest.raises(ModelError, match="OWNER/REPOSITORY"):
        command(own, "get", name)


def test_an_unknown_name_is_told_in_one_line(tmp_path: Path) -> None:
    ended = streamui(
        "models", "show", "nothing", HOME=str(tmp_path), OLLAMA_MODELS=str(tmp_path), STREAMUI_DATA=str(tmp_path)
    )
    assert_told_in_one_line(ended, "nothing", "similar names: starter")
