"""SQLite files of the data folder: opening a private, intact one, migrating its tables, moving a broken one aside."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from server.private_files import create_private

MEMORY: Final = ":memory:"

WRITE_AHEAD: Final = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # for a new file; must come before its first table
    "PRAGMA journal_mode = WAL",
    # A commit is a write and no fsync. It survives a server that is killed, since the system has it. After a power cut
    # the last moments may be missing, and never more than those: what is left is whole.
    "PRAGMA synchronous = NORMAL",
)
"""Pragmas for a file that is written frequently."""

logger = logging.getLogger(__name__)


class NewerFileError(Exception):
    """The file has tables of a later version. The text is one line with the remedy."""


def connect(path: Path | None, *, wait_seconds: float = 5.0) -> sqlite3.Connection:
    """Open the file, which only its owner can read; None: a database in memory. Any one thread at a time may use it.

    ``wait_seconds``: time to wait for another process that writes. Raises OSError and sqlite3.Error.
    """
    if path is not None:
        create_private(path)
    return sqlite3.connect(path or MEMORY, isolation_level=None, timeout=wait_seconds, check_same_thread=False)


def prepare(
    db: sqlite3.Connection,
    path: Path | None,
    migrations: Sequence[str],
    *,
    pragmas: Sequence[str] = (),
    before_step: Callable[[int], None] = lambda number: None,
) -> None:
    """Check the file and bring its tables up to date: each missing step of ``migrations``, whole or not at all.

    ``PRAGMA user_version`` counts the steps that were made. ``before_step`` is called with the number of each step
    before it is made. Raises NewerFileError, and sqlite3.DatabaseError if the file is broken.
    """
    for pragma in pragmas:
        db.execute(pragma)
    if (found := version(db)) > len(migrations):
        raise NewerFileError(
            f"{path} was written by a newer StreamUI (its version is {found}, this one knows {len(migrations)}): "
            "use the newer one, or another --data"
        )
    if (fault := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise sqlite3.DatabaseError(fault)
    for number in range(found, len(migrations)):
        before_step(number)
        db.executescript(f"BEGIN; {migrations[number]} PRAGMA user_version = {number + 1}; COMMIT;")


def version(db: sqlite3.Connection) -> int:
    """Return the number of applied migrations."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def move_aside(path: Path, error: Exception) -> None:
    """Rename a broken file and SQLite's files beside it, and log the new name. Raises OSError."""
    aside = path.with_name(time.strftime(f"{path.stem}-broken-%Y%m%d-%H%M%S{path.suffix}"))
    for end in ("", "-wal", "-shm"):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(aside.with_name(aside.name + end))
    reason = str(error).splitlines()[-1]
    logger.error("%s is broken (%s): it was moved to %s, and a new file was made", path, reason, aside.name)


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit the changes of the block, or roll them back if it raises."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # some failures have already rolled it back
            db.execute("ROLLBACK")
        raise
