"""Ollama's parameters are a model's defaults where its file says nothing; its system prompt is shown."""

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from server.__main__ import main
from server.engine.model_defaults import ModelDefaults
from server.models.memory import BATCH, FLOAT
from server.models.models_file import ModelsFile
from server.models.ollama_layers import MOST_LAYER, defaults_in, defaults_of, system_prompt
from server.models.packaged import PackagedModel
from server.settings import Settings
from server.starter import MODEL_PATH
from tests.server.models.headers import LLAMA, in_ollama
from tests.server.models.test_models_command import command

TINY = "registry.ollama.ai/library/tiny/latest"
MARIO = "registry.ollama.ai/me/mario/v1"

PARAMS = {
    **{"temperature": 1, "top_k": 20, "top_p": 0.9, "min_p": 0.0, "repeat_penalty": 1.1, "repeat_last_n": 32},
    **{"num_ctx": 4096, "num_predict": 128, "seed": 7, "mirostat": 1, "stop": ["User:", "<|im_end|>"]},
}


def layer(tmp_path: Path, **texts: str) -> Mapping[str, Path]:
    for kind, text in texts.items():
        (tmp_path / kind).write_text(text)
    return {kind: tmp_path / kind for kind in texts}


def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "models" / "nowhere" / ".ollama" / "models"


def weights(models: Path) -> Path:
    return next(path for path in (models / "blobs").iterdir() if path.read_bytes().startswith(b"GGUF"))


def test_parameters_with_a_meaning_here_are_taken_over(tmp_path: Path) -> None:
    defaults = defaults_in(layer(tmp_path, params=json.dumps(PARAMS)))
    assert defaults.sampling == {
        **{"temperature": 1.0, "top_k": 20, "top_p": 0.9, "min_p": 0.0, "repeat_penalty": 1.1, "repeat_last_n": 32}
    }
    assert (defaults.stop, defaults.context, defaults.source) == (("User:", "<|im_end|>"), 4096, "Ollama")


UNUSABLE: Mapping[str, list[Any]] = {
    "temperature": ["hot", True, None, -1, 3, 1e999, []],
    "top_k": [1.5, -1, 2**31, "40"],
    "repeat_penalty": [0],
    "repeat_last_n": [-1],
    "num_ctx": [0, 15, -1, 2048.0, "2048", True],
    "stop": [[], [""], "User:", [1], ["x"] * 17, ["x" * 257]],
}


@pytest.mark.parametrize("params", [{name: value} for name, values in UNUSABLE.items() for value in values])
def test_a_value_that_cannot_be_used_is_left_out(tmp_path: Path, params: Mapping[str, Any]) -> None:
    assert defaults_in(layer(tmp_path, params=json.dumps(params))) == ModelDefaults(source="Ollama")


@pytest.mark.parametrize("text", ["", "[]", "{", "1", "[" * 100_000, " " * MOST_LAYER + '{"temperature": 1}'])
def test_a_broken_layer_says_nothing(tmp_path: Path, text: str) -> None:
    assert defaults_in(layer(tmp_path, params=text)) == ModelDefaults(source="Ollama")


def test_a_layer_that_is_missing_says_nothing(tmp_path: Path) -> None:
    gone = {"params": tmp_path / "gone", "system": tmp_path / "gone"}
    assert (defaults_in(gone), system_prompt(gone), system_prompt({})) == (ModelDefaults(source="Ollama"), None, None)


def test_only_weights_of_ollama_have_defaults(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    for path in (MODEL_PATH, tmp_path / "blobs" / "sha256-0", Path("model.gguf")):
        assert defaults_of(path, "model") == ModelDefaults()


def test_the_name_decides_between_models_with_the_same_weights(tmp_path: Path) -> None:
    in_ollama(tmp_path, TINY, params='{"temperature": 0.1}')
    assert defaults_of(weights(tmp_path), "blobs/sha256-0").sampling == {"temperature": 0.1}
    in_ollama(tmp_path, MARIO, params='{"temperature": 0.9}')
    for name, expected in (("tiny", 0.1), ("ollama/Tiny:latest", 0.1), ("mario:v1", 0.9), ("me/mario:v1", 0.9)):
        assert defaults_of(weights(tmp_path), name).sampling == {"temperature": expected}
    assert defaults_of(weights(tmp_path), "blobs/sha256-0") == ModelDefaults()


def test_show_has_parameters_and_system_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, models = tmp_path / "data" / "models", folder(tmp_path)
    system = "You are\nMario. \x1b[2J" + "x" * 600
    in_ollama(models, MARIO, params=json.dumps(PARAMS), system=system, template="{{ .Prompt }}")
    assert command(own, "show", "mario:v1") == 0
    shown = capsys.readouterr().out
    for text in (
        *("4096 tokens, at most 4096 without --context", "temperature 1, top_k 20", "Ollama\n"),
        *("'User:', '<|im_end|>'", "You are Mario. ?[2Jxxx", f"x … ({len(system)} characters)", "(not used)"),
    ):
        assert text in shown
    command(own, "show", "mario:v1", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["system"], facts["stop"], facts["sampling_from"]) == (system, ["User:", "<|im_end|>"], "Ollama")
    assert facts["sampling"]["repeat_penalty"] == 1.1


def test_the_memory_need_is_that_of_the_smaller_context(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def needed(params: str) -> int:
        in_ollama(folder(tmp_path), TINY, params=params)
        command(tmp_path / "data" / "models", "show", "tiny", "--json", "--parallel", "1")
        return int(json.loads(capsys.readouterr().out)["needs"])

    assert LLAMA["llama.context_length"] == 4096
    assert LLAMA["llama.attention.head_count"] == 4
    assert needed("{}") - needed('{"num_ctx": 1096}') == (256 + 5 * BATCH * FLOAT) * 3000


def test_the_server_gets_the_defaults_of_the_chosen_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[Path, Mapping[Path, ModelDefaults]]] = []
    in_ollama(tmp_path / "ollama", MARIO, weights=MODEL_PATH.read_bytes(), params='{"num_ctx": 256}')
    in_ollama(tmp_path / "ollama", TINY, weights=MODEL_PATH.read_bytes())

    def run(
        settings: Settings,
        listener: socket.socket,
        defaults: Mapping[Path, ModelDefaults],
        models_file: ModelsFile,
        missing: PackagedModel | None,
    ) -> None:
        listener.close()
        served.append((settings.model, defaults))

    monkeypatch.setattr("server.serving.run", run)
    monkeypatch.setattr("server.__main__.set_up", lambda *arguments: None)
    for name in [name for name in os.environ if name.startswith("STREAMUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    monkeypatch.setenv("HOME", str(tmp_path))
    main(["serve", "--port=0", "--data", str(tmp_path / "data"), "--model", "mario:v1"])
    ((path, defaults),) = served
    assert path == weights(tmp_path / "ollama")
    assert defaults == {path: ModelDefaults(context=256, source="Ollama")}
