"""The file of the conversations, and the one thread that reads and writes it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, Final, Literal, ParamSpec, TypeVar

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations.schema import MIGRATIONS, migrate, version
from server.generations.lock import FolderInUseError, FolderLock
from server.private_files import create_private

FILE: Final = "conversations.sqlite3"
LOCK: Final = "conversations.lock"
MEMORY: Final = ":memory:"

PRAGMAS: Final = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # for a new file; has to come before its first table
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",  # outlives a server that is killed; a machine that loses power, but for moments
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = FAST",  # what was deleted is overwritten, where that costs nothing
)

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")
Work = Callable[Concatenate[sqlite3.Connection, P], T]


class ConversationsError(Exception):
    """The conversations can't be opened, and a person has to choose; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """For `/healthz`: "failed", and why, from a failure until something is written or read again."""

    status: Literal["ok", "failed"]
    error: str | None = None


class Store:
    """Owns the file, the lock on it, and the thread on which alone they are used once the server runs.

    ``folder`` None: the conversations are kept in memory, and end with the server. Work that is submitted is done in
    that order, each in a transaction of its own: whole or not at all. Raises ConversationsError where another server
    has the folder, where a newer one wrote the file, and where the folder can't be used.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder else None
        self._lock = _claim(folder) if folder else None
        self._failure: str | None = None
        try:
            self._db = self._opened()
        except ConversationsError:
            self._unlock()
            raise
        self._worker: threading.Thread | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(1, "conversations", initializer=self._note_worker)

    @property
    def status(self) -> StoreStatus:
        failure = self._failure
        return StoreStatus("ok") if failure is None else StoreStatus("failed", failure)

    @property
    def death(self) -> str | None:
        """Why nothing can be submitted any more; None while the thread lives, or has not been needed yet."""
        if self._closed:
            return "the conversations are closed: the server is going down"
        if self._worker is not None and not self._worker.is_alive():
            return "the thread of the conversations has ended; the server has to be started again"
        return None

    def submit(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Have ``work`` done with the database; what it brings, or RemoteProtocolError (storage_failed, or its own)."""
        if (failure := self.death) is not None:
            return _failed_future(RemoteProtocolError(ErrorCode.STORAGE_FAILED, failure))
        return asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._carry_out(work, *args, **kwargs))

    def close(self) -> None:
        """Do what was submitted before, then close the file. Blocks; a second time changes nothing."""
        self._closed = True
        self._thread.shutdown()
        self._db.close()
        self._unlock()

    def _note_worker(self) -> None:
        """On the thread, before all else."""
        self._worker = threading.current_thread()

    def _carry_out(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """On the thread."""
        try:
            with transaction(self._db):
                result = work(self._db, *args, **kwargs)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._failure = None
        return result

    def _failed(self, error: sqlite3.Error) -> RemoteProtocolError:
        text = f"the conversations can't be read or written ({error}): mend that (is the disk full?), then try again"
        if self._failure is None:
            logger.error("%s: %s", self._path, text)
        self._failure = f"{self._path}: {text}"
        return RemoteProtocolError(ErrorCode.STORAGE_FAILED, text)

    # Opening

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._prepared()
        except (OSError, sqlite3.OperationalError) as error:
            raise ConversationsError(f"{self._path}: {error}; mend that, or choose another --data") from error
        except sqlite3.DatabaseError as error:
            self._move_aside(error)
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        if self._path is not None:
            create_private(self._path)
        db = sqlite3.connect(self._path or MEMORY, isolation_level=None, check_same_thread=False)
        try:
            for pragma in PRAGMAS:
                db.execute(pragma)
            self._refuse_newer(db)
            if (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(found)
            migrate(db)
        except BaseException:
            db.close()
            raise
        return db

    def _refuse_newer(self, db: sqlite3.Connection) -> None:
        if (found := version(db)) > len(MIGRATIONS):
            raise ConversationsError(
                f"{self._path} was written by a newer StreamUI (its version is {found}, this one knows "
                f"{len(MIGRATIONS)}): use the newer one, or another --data"
            )

    def _move_aside(self, error: Exception) -> None:
        assert self._path is not None
        aside = time.strftime("conversations-broken-%Y%m%d-%H%M%S.sqlite3")
        for end in ("", "-wal", "-shm"):
            part = self._path.with_name(FILE + end)
            if part.exists():
                part.rename(self._path.with_name(aside + end))
        reason = str(error).splitlines()[-1]
        logger.error("%s is broken (%s): it was moved to %s, and a new one begun", self._path, reason, aside)

    def _unlock(self) -> None:
        if self._lock:
            self._lock.close()


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block does, or nothing of it where it raises."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # some failures have rolled it back already
            db.execute("ROLLBACK")
        raise


def _failed_future(error: RemoteProtocolError) -> asyncio.Future[T]:
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


def _claim(folder: Path) -> FolderLock:
    try:
        return FolderLock(folder, LOCK)
    except FolderInUseError as error:
        raise ConversationsError(str(error)) from error
    except OSError as error:
        raise ConversationsError(f"--data {folder}: nothing can be written there: {error.strerror}") from error
