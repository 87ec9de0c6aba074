"""The claim of one server to a data folder, and the mark that its journal has failed."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

IN_USE: Final = b"in use\n"
FAILED: Final = b"failed\n"


class FolderInUseError(Exception):
    """Another server has the folder; the text is one line that a person can act on."""


class FolderLock:
    """A lock that the system takes back when the process ends, however it ends. Owned by what is kept in the folder.

    ``failed_before``: the server before this one could not write its journal to the end. That mark takes the place of
    bytes which the file has already, so that it can be made on a full disk.
    """

    def __init__(self, folder: Path, name: str = "journal.lock") -> None:
        self._file = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            text = f"--data {folder}: another server uses this folder; end that one, or give this one another --data"
            raise FolderInUseError(text) from error
        self.failed_before = os.pread(self._file, len(FAILED), 0) == FAILED

    def mark(self, text: bytes) -> None:
        """Write IN_USE or FAILED, if it can be written."""
        with contextlib.suppress(OSError):
            os.pwrite(self._file, text, 0)

    def close(self) -> None:
        """Give the folder back. A second time changes nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
