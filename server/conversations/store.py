"""The file of the conversations, and the thread that reads and writes it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, Final, Literal, ParamSpec, TypeVar

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations.conversation_tables import MIGRATIONS, add_functions, log_step
from server.generations.lock import FolderInUseError, FolderLock
from server.sqlite_files import WRITE_AHEAD, NewerFileError, connect, move_aside, prepare, transaction

FILE: Final = "conversations.sqlite3"
LOCK: Final = "conversations.lock"

PRAGMAS: Final = (
    *WRITE_AHEAD,
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = FAST",  # deleted data is overwritten where that costs nothing
)

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")
Work = Callable[Concatenate[sqlite3.Connection, P], T]


class ConversationsError(Exception):
    """The conversations can't be opened, and a person must decide. The text is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """Status for `/healthz`: "failed", with the error, from a failure until the next success."""

    status: Literal["ok", "failed"]
    error: str | None = None


class Store:
    """Owns the file, its lock, and the only thread that uses them while the server runs.

    ``folder`` None: the conversations are in memory only. Submitted work runs in order, each in its own transaction:
    all or nothing. Raises ConversationsError when another server uses the folder, when a newer version wrote the file,
    and when the folder can't be used. ``purged`` is called, on some thread, when messages that users deleted are gone
    for good: what was derived from them must go too.
    """

    def __init__(self, folder: Path | None, purged: Callable[[], None] = lambda: None) -> None:
        self.purged = purged
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
        """Reason why work is no longer accepted; None while the thread is alive or has not been started."""
        if self._closed:
            return "the conversations are closed: the server is going down"
        if self._worker is not None and not self._worker.is_alive():
            return "the thread of the conversations has ended; restart the server"
        return None

    def submit(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run ``work`` with the database. Returns its result, or RemoteProtocolError (storage_failed, or its own)."""
        if (failure := self.death) is not None:
            return _failed_future(RemoteProtocolError(ErrorCode.STORAGE_FAILED, failure))
        return asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._carry_out(work, *args, **kwargs))

    def close(self) -> None:
        """Finish the submitted work, then close the file. Blocks; a second call does nothing."""
        self._closed = True
        self._thread.shutdown()
        self._db.close()
        self._unlock()

    def _note_worker(self) -> None:
        """Record the current thread as the worker. Runs first on that thread."""
        self._worker = threading.current_thread()

    def _carry_out(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work`` in a transaction, on the store's thread."""
        try:
            with transaction(self._db):
                result = work(self._db, *args, **kwargs)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._failure = None
        return result

    def _failed(self, error: sqlite3.Error) -> RemoteProtocolError:
        text = f"the conversations can't be read or written ({error}): fix that (is the disk full?), then try again"
        if self._failure is None:
            logger.error("%s: %s", self._path, text)
        self._failure = f"{self._path}: {text}"
        return RemoteProtocolError(ErrorCode.STORAGE_FAILED, text)

    # Opening

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._prepared()
        except (OSError, sqlite3.OperationalError) as error:
            raise ConversationsError(f"{self._path}: {error}; fix that, or choose another --data") from error
        except sqlite3.DatabaseError as error:
            assert self._path is not None
            move_aside(self._path, error)
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        db = connect(self._path)
        try:
            add_functions(db)
            prepare(db, self._path, MIGRATIONS, pragmas=PRAGMAS, before_step=log_step)
        except NewerFileError as error:
            db.close()
            raise ConversationsError(str(error)) from error
        except BaseException:
            db.close()
            raise
        return db

    def _unlock(self) -> None:
        if self._lock:
            self._lock.close()


def now() -> int:
    """Return the current time in milliseconds since the Unix epoch, as the store keeps times."""
    return time.time_ns() // 1_000_000


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
