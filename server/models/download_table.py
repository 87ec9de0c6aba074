"""File of the downloads that were asked for over the API, so that a restarted server continues them."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.sqlite_files import NewerFileError, connect, move_aside, prepare

FILE: Final = "downloads.sqlite3"

MIGRATIONS: Final = (
    """
    CREATE TABLE downloads (
        place  INTEGER PRIMARY KEY,      -- the order of the queue
        source TEXT NOT NULL UNIQUE,     -- argument of `streamui models get`
        state  TEXT NOT NULL,            -- waiting, stopped or failed
        error  TEXT                      -- of a failed one
    );
    """,
)
"""A step is never changed once released: a new one is appended."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadRow:
    """A download as it is stored. One that was running when the server ended is ``waiting``."""

    source: str
    state: str
    error: str | None


class DownloadTable:
    """Owns the file. Its methods never fail: what can't be written now, for example on a full disk, is logged.

    ``folder`` None: in memory. For one thread at a time.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder else None
        self._db = _opened(self._path)

    def rows(self) -> list[DownloadRow]:
        """Return every download, in the order of the queue."""
        try:
            rows = self._db.execute("SELECT source, state, error FROM downloads ORDER BY place").fetchall()
        except sqlite3.Error as error:
            self._log(error)
            return []
        return [DownloadRow(*row) for row in rows]

    def put(self, row: DownloadRow, *, last: bool = False) -> None:
        """Write a download. ``last``: at the end of the queue."""
        place = "place = (SELECT max(place) + 1 FROM downloads), " if last else ""
        self._write(
            "INSERT INTO downloads (source, state, error) VALUES (?, ?, ?) "
            f"ON CONFLICT (source) DO UPDATE SET {place}state = excluded.state, error = excluded.error",
            (row.source, row.state, row.error),
        )

    def remove(self, source: str) -> None:
        """Delete a download's row."""
        self._write("DELETE FROM downloads WHERE source = ?", (source,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _write(self, sql: str, values: tuple[object, ...]) -> None:
        try:
            self._db.execute(sql, values)
        except sqlite3.Error as error:
            self._log(error)

    def _log(self, error: Exception) -> None:
        logger.error("%s: %s; a restart may not continue the downloads", self._path, error)


def _opened(path: Path | None) -> sqlite3.Connection:
    """Open the file. A broken one is moved aside: the models folder still knows what is unfinished.

    Where the file can't be used at all, the queue is in memory, which the log says.
    """
    try:
        return _prepared(path)
    except sqlite3.OperationalError as error:
        return _in_memory(path, error)
    except sqlite3.DatabaseError as error:
        if path is None:
            raise
        move_aside(path, error)
        return _prepared(path)
    except (NewerFileError, OSError) as error:
        return _in_memory(path, error)


def _in_memory(path: Path | None, error: Exception) -> sqlite3.Connection:
    logger.error("%s can't be used (%s): the queue of downloads ends with this server", path, error)
    return _prepared(None)


def _prepared(path: Path | None) -> sqlite3.Connection:
    db = connect(path)
    try:
        prepare(db, path, MIGRATIONS)
    except BaseException:
        db.close()
        raise
    return db
