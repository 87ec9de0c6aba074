"""The value of --model is a file, a name, or `auto`."""

import shutil
from pathlib import Path

import pytest

from server.__main__ import with_models
from server.doctor import place
from server.doctor.finding import State
from server.engine.base import ModelError
from server.models.choosing import chosen_model, missing_model
from server.models.models_file import ModelsFile
from server.models.packaged import SMOLLM2
from server.starter import MODEL_PATH
from tests.server.models.headers import write
from tests.server.test_main import assert_told_in_one_line, run
from tests.server.test_settings import read


def chosen(text: str, folder: Path) -> Path:
    return chosen_model(Path(text), folder, {"HOME": str(folder / "nowhere")})


@pytest.mark.parametrize("path", ["/nowhere/a.gguf", "a.gguf", "../name", "/folder"])
def test_a_path_stays(path: str, tmp_path: Path) -> None:
    assert chosen(path, tmp_path) == Path(path)


def test_a_file_without_an_ending_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model").write_bytes(b"")
    assert chosen("model", tmp_path) == Path("model")


def test_a_name_is_the_file_that_has_it(tmp_path: Path) -> None:
    path = write(tmp_path / "Tiny-Q4_0.gguf")
    assert chosen("tiny-q4_0", tmp_path) == path
    assert chosen("streamui/Tiny-Q4_0", tmp_path) == path
    assert chosen("starter", tmp_path) == MODEL_PATH


def test_a_model_that_can_be_downloaded_is_told_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="get it: streamui models get smollm2-135m"):
        chosen("smollm2-135m", tmp_path)
    with pytest.raises(ModelError, match="get it: streamui models get smollm2-135m"):
        chosen("SmolLM2-135M", tmp_path)
    assert chosen("smollm2-135m", write(tmp_path / "smollm2-135m.gguf").parent) == tmp_path / "smollm2-135m.gguf"


def test_auto_is_the_starter_until_the_model_is_here(tmp_path: Path) -> None:
    assert (chosen("auto", tmp_path), missing_model(Path("auto"), tmp_path)) == (MODEL_PATH, SMOLLM2)
    path = write(tmp_path / "smollm2-135m.gguf")
    assert (chosen("auto", tmp_path), missing_model(Path("auto"), tmp_path)) == (path, None)
    assert missing_model(MODEL_PATH, tmp_path) is None


def test_a_file_that_happens_to_be_there_changes_no_default(tmp_path: Path) -> None:
    write(tmp_path / "models" / "smollm2-135m.gguf")
    assert read(["--data", str(tmp_path)]).model == MODEL_PATH


def test_the_server_gets_the_path_of_a_name(tmp_path: Path) -> None:
    path = write(tmp_path / "models" / "tiny.gguf")
    assert with_models(read(["--data", str(tmp_path), "--model", "streamui/tiny"])).model == path


def test_an_unknown_name_is_told_in_one_line(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "OLLAMA_MODELS": str(tmp_path)}
    ended = run("serve", "--port=0", "--data", str(tmp_path / "data"), "--model", "startr", **environ)
    assert_told_in_one_line(ended, "--model startr", "similar names: starter")


def test_a_name_of_two_models_is_told_with_both_places_by_every_door(tmp_path: Path) -> None:
    write(tmp_path / "data" / "models" / "tiny.gguf")
    write(tmp_path / ".lmstudio/models/maker/repo/tiny.gguf")
    environ = {"HOME": str(tmp_path), "OLLAMA_MODELS": str(tmp_path), "STREAMUI_DATA": str(tmp_path / "data")}
    named = ("several models have this name", "streamui/tiny", "lmstudio/maker/repo/tiny")
    for arguments in (
        ["serve", "--port=0", "--model=tiny"],
        ["models", "show", "tiny"],
        ["models", "rm", "tiny", "--yes"],
    ):
        assert_told_in_one_line(run(*arguments, **environ), *named)


def test_doctor_checks_a_model_by_name_and_downloads_nothing(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    shutil.copy(MODEL_PATH, tmp_path / "models" / "copy.gguf")
    settings = read(["--data", str(tmp_path)])
    found, needs = place.model(settings, Path("streamui/copy"), ModelsFile())
    assert (found.state, needs is not None) == (State.OK, True)
    assert str(tmp_path / "models" / "copy.gguf") in found.text
    assert str(MODEL_PATH) in place.model(settings, Path("auto"), ModelsFile())[0].text
