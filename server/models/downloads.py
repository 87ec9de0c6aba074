"""The models folder's downloads: one at a time, in a hidden folder that no list of models reads."""

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

UNFINISHED: Final = ".downloads"
"""Folder for unfinished downloads, in the models folder."""

CHUNK: Final = 1 << 20


class DownloadError(ModelError):
    """A model can't be downloaded. The text is one line with the reason and what helps."""


@contextlib.contextmanager
def downloading(models_folder: Path) -> Iterator[Path]:
    """Create the models folder and yield the one for unfinished downloads, for this process alone.

    Raises DownloadError, also for a full disk or missing rights inside the block.
    """
    folder = models_folder / UNFINISHED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DownloadError(f"another download into {models_folder} is running; try again after it") from None
            yield folder
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadError(f"{models_folder}: the disk is full; free some space and try again") from None
        raise DownloadError(f"{models_folder}: the model can't be written: {error.strerror or error}") from None


def check_room(folder: Path, needed: int) -> None:
    """Raise DownloadError if the disk has less than ``needed`` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadError(f"{folder}: {size_text(needed)} are needed, and {size_text(free)} are free")


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
