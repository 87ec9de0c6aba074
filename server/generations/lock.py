"""Lock of one server on a data folder, with a mark for a failed journal."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

IN_USE: Final = b"in use\n"
FAILED: Final = b"failed\n"


class FolderInUseError(Exception):
    """Another server uses the folder. The text is one line with the remedy."""


class FolderLock:
    """A lock that the system releases when the process ends for any reason. Owned by the store that uses the folder.

    ``failed_before``: the previous server could not complete its journal. The mark overwrites existing bytes, so it can
    be written on a full disk.
    """

    def __init__(self, folder: Path, name: str = "journal.lock") -> None:
        self._file = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            text = f"--data {folder}: another server uses this folder; stop that one, or choose another --data"
            raise FolderInUseError(text) from error
        self.failed_before = os.pread(self._file, len(FAILED), 0) == FAILED

    def mark(self, text: bytes) -> None:
        """Write IN_USE or FAILED, if possible."""
        with contextlib.suppress(OSError):
            os.pwrite(self._file, text, 0)

    def close(self) -> None:
        """Release the folder. A second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
