"""Unfinished downloads in the models folder: a hidden folder for each, with a record of what is downloaded there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from server.models.header_facts import printable
from server.models.memory import size_text
from server.models.places import OWN

FOLDER: Final = ".downloads"
"""Folder for all unfinished downloads, in the models folder. No list of models reads it."""

RECORD: Final = "download.json"
LOCK: Final = "lock"
PART: Final = ".part"

KEPT_SECONDS: Final = 30 * 24 * 3600
"""Time since the last byte after which the next download deletes an unfinished one, in seconds."""

MOST_RECORD: Final = 1 << 20
"""Longest record that is read, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A model to download. ``source`` is the argument of ``models get``, ``name`` the model's in the models folder.

    ``size`` is that of all files in bytes; None: the server says it later. ``parts`` are the names of the files that
    may arrive in pieces. Files with different content have different names, so a part is never continued with another.
    """

    source: str
    name: str
    size: int | None
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A download that was begun. ``arrived`` counts the bytes that are here, of ``size`` if that is known."""

    name: str
    source: str
    folder: Path
    arrived: int
    size: int | None

    @property
    def full_name(self) -> str:
        return printable(f"{OWN}/{self.name}")

    @property
    def progress(self) -> str:
        """Text for how much is here."""
        return f"{size_text(self.arrived)} of {size_text(self.size)}" if self.size else size_text(self.arrived)

    @property
    def problem(self) -> str:
        """Text for the state, and the commands that change it."""
        name = printable(self.name)
        commands = f"continue with `streamui models get {name}`, or delete it with `streamui models rm {name}`"
        return f"the download is unfinished, {self.progress} are here; {commands}"


def unfinished(models_folder: Path) -> list[Unfinished]:
    """Return the unfinished downloads, by name. One that is running is among them."""
    found = (_read(folder) for folder in _folders(models_folder) if folder.is_dir() and not folder.is_symlink())
    return sorted((each for each in found if each is not None), key=lambda each: each.name)


def begin(models_folder: Path, download: Download) -> Path:
    """Return the folder of this download, with a record and without parts of another file of this name."""
    folder = models_folder / FOLDER / hashlib.sha256(download.name.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob(f"*{PART}"):
        if part.name not in download.parts:
            part.unlink()
    # An address may contain a password.
    with open(folder / RECORD, "w", encoding="utf-8", opener=_private) as file:
        json.dump(asdict(download), file)
    return folder


def arrived(folder: Path) -> int:
    """Return the bytes of this download that are here."""
    return sum(part.stat().st_size for part in folder.glob(f"*{PART}"))


def discard(folder: Path) -> None:
    """Delete a download's folder."""
    shutil.rmtree(folder, ignore_errors=True)


def discard_old(models_folder: Path) -> None:
    """Delete everything that no download has changed for KEPT_SECONDS."""
    oldest = time.time() - KEPT_SECONDS
    for entry in _folders(models_folder):
        if _changed(entry) >= oldest:
            continue
        if entry.is_dir() and not entry.is_symlink():
            discard(entry)
        else:
            with contextlib.suppress(OSError):
                entry.unlink()


def _folders(models_folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for entry in (models_folder / FOLDER).iterdir():
            if entry.name != LOCK:
                yield entry


def _changed(entry: Path) -> float:
    """Return the time of the newest change inside, in seconds since 1970."""
    times = []
    for path in (entry, *entry.rglob("*")):
        with contextlib.suppress(OSError):
            times.append(path.lstat().st_mtime)
    return max(times, default=0.0)


def _read(folder: Path) -> Unfinished | None:
    """Return the download of a folder; None if it has no record that can be read."""
    try:
        with (folder / RECORD).open("rb") as file:
            record: Any = json.loads(file.read(MOST_RECORD))
        name, source, size = record["name"], record["source"], record["size"]
        here = arrived(folder)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(name, str) or not isinstance(source, str) or not (size is None or type(size) is int):
        return None
    return Unfinished(name=name, source=source, folder=folder, arrived=here, size=size)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
