"""Files of the data folder that only their owner can read: chats, prompts, and hashes of tokens.

SQLite gives `-wal` and `-shm` the mode of the database file, so that file must be private from its creation. The mode
is set when a file is created, since the umask belongs to the whole process.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_OTHERS: Final = 0o077

_NAMES: Final = re.compile(
    r"(journal|conversations|tokens|downloads)(-broken-[0-9-]+)?\.(sqlite3(-wal|-shm|-journal)?|lock)"
)
"""Names of all files that this and earlier versions write into the data folder."""


def make_private_folder(folder: Path) -> list[str]:
    """Create the folder, or make an existing one private, with the files of earlier versions in it.

    Returns a line for each path that stays open to other users. Raises OSError when the folder can't be created.
    """
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    return [*_close_folder(folder), *_close_files(folder)]


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read, or make an existing one private. Raises OSError.

    An existing file is not opened: closing it would drop SQLite's locks on it in this process.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    except FileExistsError:
        with contextlib.suppress(OSError):  # another user's file: opening it later shows whether it can be used
            if path.is_file() and is_open_to_others(path):
                os.chmod(path, FILE_MODE)
    else:
        os.close(descriptor)


def open_to_others(folder: Path) -> list[Path]:
    """Return those of the folder and its files that other users can read or write."""
    return [path for path in (folder, *_files(folder)) if path.exists() and is_open_to_others(path)]


def is_open_to_others(path: Path) -> bool:
    """Tell whether the file or folder grants any right to group or others. Raises OSError."""
    return bool(path.stat().st_mode & _OTHERS)


def _close_folder(folder: Path) -> Iterator[str]:
    if not is_open_to_others(folder):
        return
    if reason := _reason_to_leave(folder):
        yield f"--data {folder}: other users can list this folder; it stays so, because {reason}"
        return
    try:
        os.chmod(folder, FOLDER_MODE)
    except OSError as error:
        yield f"--data {folder}: other users can list this folder, and its mode can't be changed: {error.strerror}"


def _close_files(folder: Path) -> Iterator[str]:
    for path in _files(folder):
        try:
            if is_open_to_others(path):
                os.chmod(path, FILE_MODE)
        except FileNotFoundError:  # another process has closed its database meanwhile
            continue
        except OSError as error:
            yield f"{path}: other users can read this file, and its mode can't be changed: {error.strerror}"


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _NAMES.fullmatch(path.name) and path.is_file())
    except OSError:
        return []


def _reason_to_leave(folder: Path) -> str | None:
    """Return the reason why the folder's mode must not be changed; None when it may be."""
    found = folder.stat()
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    if found.st_mode & (stat.S_ISVTX | stat.S_ISGID):
        return "its mode says that it is shared (sticky or setgid)"
    if folder.resolve() in (home := _home(), *home.parents):
        return "it is a home folder or contains one; use a folder for StreamUI alone"
    return None


def _home() -> Path:
    try:
        return Path.home().resolve()
    except (RuntimeError, OSError):
        return Path("/")
