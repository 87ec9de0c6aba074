"""A hostile model file causes a clear error in limited time, and doesn't harm the server."""

import contextlib
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import llama_cpp
import pytest

from server.engine.base import ModelError
from server.engine.probing import PROBE, ModelProbe
from server.starter import MODEL_PATH
from tests.server.engine.hostile import HARMLESS, HOSTILE, WHOLE, put, value_of
from tests.server.test_main import assert_told_in_one_line, run


def examined(path: Path, seconds: int | None = None) -> None:
    with ModelProbe(path, seconds=seconds) as probe:
        probe.verdict()


def test_an_honest_file_passes() -> None:
    examined(MODEL_PATH)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_reported_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.gguf"
    path.write_bytes(HOSTILE[name]())
    allowed = contextlib.suppress(ModelError) if name in HARMLESS else pytest.raises(ModelError)
    with allowed as told:
        examined(path)
    if told is not None:
        assert str(told.value).startswith(f"{path}: ")
        assert "\n" not in str(told.value)


def test_the_starters_rejected_copies_are_copies() -> None:
    """The makers of hostile files start from a valid copy."""
    assert put("<I", 3, 4) == WHOLE
    assert put("<I", 6, value_of("llama.block_count")) == WHOLE


def test_a_file_that_keeps_llama_cpp_busy_is_given_up() -> None:
    with pytest.raises(ModelError, match="did not finish with this file within 1 s"), ModelProbe(MODEL_PATH) as probe:
        probe._seconds = 1
        os.kill(probe._process.pid, signal.SIGSTOP)
        probe.verdict()
    assert probe._process.returncode == -signal.SIGKILL


def test_path_that_is_no_file_is_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.gguf"
    os.mkfifo(pipe)
    for path, why in ((pipe, "not a regular file"), (tmp_path, "not a regular file"), (tmp_path / "none", "no such")):
        with pytest.raises(ModelError, match=why):
            ModelProbe(path)


def change(path: Path) -> None:
    path.write_bytes(b"GGUF")


def replace(path: Path) -> None:
    (path.parent / "new.gguf").write_bytes(WHOLE)
    (path.parent / "new.gguf").replace(path)


@pytest.mark.parametrize("disturb", [change, replace, Path.unlink])
def test_a_file_that_another_program_changes_meanwhile_is_reported(
    disturb: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(WHOLE)
    with (
        pytest.raises(ModelError, match="changed or deleted meanwhile; wait until it is whole"),
        ModelProbe(path) as probe,
    ):
        disturb(path)
        probe.verdict()


def test_a_llama_cpp_that_was_built_elsewhere_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(Path(llama_cpp.__file__).parent / "lib"))
    examined(MODEL_PATH)
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(tmp_path))
    with pytest.raises(ModelError, match="to see why, run: ") as told:
        examined(MODEL_PATH, seconds=60)
    command = shlex.split(str(told.value).split("to see why, run: ")[1])
    assert command == [sys.executable, "-m", PROBE, str(MODEL_PATH), "60"]


def test_probe_ends_with_the_block(tmp_path: Path) -> None:
    with ModelProbe(MODEL_PATH) as probe:
        pass
    assert probe._process.returncode is not None


@pytest.mark.parametrize("name", ["no heads", "a tensor beyond the file", "an odd rope", "arrays in arrays"])
def test_the_command_says_so_and_ends(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.gguf"
    path.write_bytes(HOSTILE[name]())
    ended = run("serve", "--port=0", "--data", str(tmp_path / "data"), "--model", str(path))
    assert_told_in_one_line(ended, str(path))


def test_a_parameter_that_is_no_number_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "hostile.gguf"
    path.write_bytes(put("<I", 0x7FC00000, value_of("general.sampling.temp")))
    with pytest.raises(ModelError, match=r"general\.sampling\.temp"):
        examined(path)


def test_a_copy_of_the_starter_is_examined_like_any_other(tmp_path: Path) -> None:
    shutil.copy(MODEL_PATH, tmp_path / "copy.gguf")
    examined(tmp_path / "copy.gguf")
