"""The models folder's downloads: one at a time, each in a hidden folder of its own."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from server.engine.base import ModelError
from server.models.memory import size_text
from server.models.unfinished import FOLDER, LOCK, Download, Unfinished, arrived, begin, discard, discard_old

CHUNK: Final = 1 << 20


class DownloadError(ModelError):
    """A model can't be downloaded. The text is one line with the reason and what helps."""


class BusyFolderError(DownloadError):
    """Another process downloads into the same folder."""


@contextlib.contextmanager
def downloading(models_folder: Path, download: Download) -> Iterator[Path]:
    """Create the models folder and yield the folder of this download, for this process alone.

    Afterwards the folder is deleted, unless an unfinished download has parts in it. Those of earlier downloads that
    were left for a month are deleted. Raises DownloadError, also for a full disk or missing rights inside the block.
    """
    folder = None
    try:
        with _only_here(models_folder):
            try:
                folder = begin(models_folder, download)
                discard_old(models_folder)  # not this one: its record is new
                yield folder
            finally:
                if folder is not None and not arrived(folder):
                    discard(folder)
    except OSError as error:
        raise DownloadError(f"{models_folder}: {_reason(error, folder)}") from None


def cancel(models_folder: Path, download: Unfinished) -> None:
    """Delete an unfinished download. Raises DownloadError while it is running, or another one."""
    try:
        with _only_here(models_folder):
            discard(download.folder)
    except OSError as error:
        raise DownloadError(f"{download.folder}: it can't be deleted: {error.strerror}") from None


@contextlib.contextmanager
def _only_here(models_folder: Path) -> Iterator[None]:
    """Keep all other processes from downloading. Raises DownloadError and OSError."""
    (models_folder / FOLDER).mkdir(parents=True, exist_ok=True)
    with (models_folder / FOLDER / LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyFolderError(f"another download into {models_folder} is running; try again after it") from None
        yield


def _reason(error: OSError, folder: Path | None) -> str:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return f"the model can't be written: {error.strerror or error}"
    continued = folder is not None and arrived(folder)
    return "the disk is full; free some space and try again" + (": the download continues there" if continued else "")


def check_room(folder: Path, needed: int) -> None:
    """Raise DownloadError if the disk has less than ``needed`` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadError(
            f"{folder}: {size_text(needed)} are needed, and {size_text(free)} are free; free some space"
        )


def copy_checked(source: IO[bytes], part: Path, sha256: str) -> None:
    """Copy ``source`` to the file ``part`` and check its hash. Raises DownloadError; ``part`` is deleted then."""
    digest = hashlib.sha256()
    try:
        with part.open("wb") as file:
            while data := source.read(CHUNK):
                digest.update(data)
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256:
            raise DownloadError("the file that arrived is not the one that was expected (its SHA-256 differs)")
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """Return the hash of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
