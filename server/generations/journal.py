"""The journal: all text of every generation, on disk, so that it survives the server (PROTOCOL 6.9).

One SQLite file in the data folder. Each engine step is one row for all generations, so that a commit appends to one
page. When a generation ends, its text moves into its own row, and steps that no open generation needs are deleted.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from protocol.tuned import from_json, to_json
from server.engine.base import Finished, GenerationRequest, Piece, PromptMade, Steered, Tuned
from server.generations.entries import Begun, Broken, CancelAsked, Entry, Forgotten, Noted, Written
from server.generations.journal_tables import MIGRATIONS
from server.generations.lock import FAILED, IN_USE, FolderInUseError, FolderLock
from server.generations.stored import Stored, read
from server.sqlite_files import WRITE_AHEAD, NewerFileError, connect, move_aside, prepare

FILE: Final = "journal.sqlite3"

PRAGMAS: Final = (
    *WRITE_AHEAD,
    # Every 16 MiB the WAL is written to the file, which waits for the disk and blocks readers. The default is every 4
    # MiB: every two seconds when a small model writes 16 answers.
    "PRAGMA wal_autocheckpoint = 4096",
)

VACUUM_PAGES: Final = 1024
"""Maximum number of pages returned to the disk when logs expire, which keeps this fast."""

logger = logging.getLogger(__name__)

_Statement = tuple[str, Sequence[Any]]

_BEGIN = """
    INSERT INTO generations
        (
            key, id, epoch, principal, body, sampling, prompt, opened, model, model_name, created, note, unprepared,
            asked, dropped, fork
        )
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_PREPARE = """
    UPDATE generations SET sampling = ?, prompt = ?, opened = ?, model = ?, dropped = ?, unprepared = '' WHERE key = ?
"""
_STEP = "INSERT INTO steps VALUES (?, ?)"
_END = "UPDATE generations SET finished = ?, ending = ?, pieces = ? WHERE key = ?"
_BREAK = "UPDATE generations SET finished = ?, ending = ?, pieces = ? WHERE id = ?"
_CANCEL = "UPDATE generations SET cancelled = 1 WHERE id = ?"
_NOTE = "UPDATE generations SET note = ? WHERE id = ?"
_TRIM = "DELETE FROM steps WHERE number < ?"
_FORGET = "DELETE FROM generations WHERE id IN (SELECT value FROM json_each(?))"
_VACUUM = f"PRAGMA incremental_vacuum({VACUUM_PAGES})"
_RENAME = "UPDATE generations SET epoch = lower(hex(randomblob(6))) WHERE finished IS NULL"


class JournalError(Exception):
    """The journal can't be used, and a person must decide. The text is one line with the remedy."""


@dataclass(slots=True)
class _Open:
    """A generation that has not ended: its row, the first step that may contain its pieces, and its pieces."""

    key: int
    first_step: int
    pieces: list[Written] = field(default_factory=list)


class Journal:
    """Owns the file and the lock on its folder. Used by one thread at a time: the one that opens it, then the
    recorder's. Of a temporary generation it writes nothing.

    ``stored``: generations of an earlier server, in the order of acceptance. ``failure``: the reason why writing has
    stopped; None while it works. Raises JournalError when another server uses the folder, when a newer version wrote
    the file, or when the folder can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.failure: str | None = None
        self.stored: list[Stored] = []
        self._open: dict[str, _Open] = {}
        self._next_key = self._next_step = self._first_step = 1
        self._lock = _claim(folder)
        try:
            self._db = self._connect()
            self._load()
        except JournalError:
            self._lock.close()
            raise

    def write(self, entries: Sequence[Entry]) -> None:
        """Commit ``entries`` in one transaction.

        The first failure of the file is logged and ends the journal, not the server. Any other exception leaves none of
        ``entries`` in the file, and the lock's mark reports it to the next start.
        """
        if self.failure is not None:
            return
        try:
            self._commit(self._statements(entries))
            if any(isinstance(entry, Forgotten) for entry in entries):
                self._db.executescript(_VACUUM)
        except sqlite3.Error as error:
            self._fail(error)
        except BaseException:
            self._lock.mark(FAILED)
            if self._db.in_transaction:
                self._db.rollback()
            raise

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    # Opening

    def _connect(self) -> sqlite3.Connection:
        try:
            return connect(self._path)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"{self._path}: {error}; fix that, or choose another --data") from error

    def _load(self) -> None:
        try:
            self._prepare()
        except NewerFileError as error:
            self._db.close()
            raise JournalError(str(error)) from error
        except sqlite3.OperationalError as error:
            self._fail(error)
        except (sqlite3.DatabaseError, msgspec.MsgspecError, ValueError) as error:
            self._db.close()
            move_aside(self._path, error)
            self._db = self._connect()
            self._load()

    def _prepare(self) -> None:
        """Migrate the tables and read them."""
        prepare(self._db, self._path, MIGRATIONS, pragmas=PRAGMAS)
        if self._lock.failed_before:  # readers may have seen more text than the file has, so the logs get new epochs
            self._db.execute(_RENAME)
        self._lock.mark(IN_USE)
        self._take_over(read(self._db), self._db.execute("SELECT max(number) FROM steps").fetchone()[0] or 0)

    def _take_over(self, stored: list[Stored], last_step: int) -> None:
        self.stored = stored
        self._next_key = max((one.key for one in stored), default=0) + 1
        self._next_step = last_step + 1
        self._open = {one.begun.id: _Open(one.key, 0, list(one.pieces)) for one in stored if one.ending is None}

    # Writing

    def _commit(self, statements: Sequence[_Statement]) -> None:
        if len(statements) < 2:  # usually one engine step: SQLite commits a single statement by itself
            for sql, values in statements:
                self._db.execute(sql, values)
            return
        self._db.execute("BEGIN IMMEDIATE")
        for sql, values in statements:
            self._db.execute(sql, values)
        self._db.execute("COMMIT")

    def _statements(self, entries: Iterable[Entry]) -> list[_Statement]:
        statements: list[_Statement] = []
        pieces: dict[str, list[tuple[Any, ...]]] = {}
        for entry in entries:
            match entry:
                case Piece(id=id, text=text, tokens=tokens, choices=choices) if id in self._open and _is_text(text):
                    self._open[id].pieces.append(Written(text, choices, tokens=tokens))
                    pieces.setdefault(id, []).append((self._open[id].key, text, tokens, choices))
                case Steered(id=id, instruction=instruction, tokens=tokens, choices=choices) if id in self._open:
                    self._open[id].pieces.append(Written("", (), instruction.content, None, tokens, instruction))
                    pieces.setdefault(id, []).append((self._open[id].key, "", tokens, choices, instruction))
                case Tuned(id=id, asked=asked, sampling=sampling, tokens=tokens) if id in self._open:
                    self._open[id].pieces.append(Written("", (), None, from_json(asked), tokens))
                    pieces.setdefault(id, []).append((self._open[id].key, "", tokens, (), None, (asked, sampling)))
                case Begun(body=body) if not body.temporary:
                    statements.append(self._begin(entry))
                    if entry.events:
                        pieces[entry.id] = self._taken_over(entry)
                case PromptMade(id=id) if id in self._open:
                    statements.append(self._prepare_request(entry))
                case Finished(id=id) if id in self._open:
                    pieces.pop(id, None)
                    statements.extend(self._end(entry))
                case Broken(id=id):
                    pieces.pop(id, None)
                    statements.extend(self._break(entry))
                case CancelAsked(id=id):
                    statements.append((_CANCEL, (id,)))
                case Noted(id=id, note=note):
                    statements.append((_NOTE, (note, id)))
                case Forgotten(ids=ids):
                    statements.append((_FORGET, (_json(ids),)))
        if pieces:
            rows = [piece for of_one in pieces.values() for piece in of_one]
            statements.append((_STEP, (self._next_step, _json(rows))))
            self._next_step += 1
        return statements

    def _begin(self, begun: Begun) -> _Statement:
        request, key = begun.request, self._next_key
        self._next_key += 1
        self._open[request.id] = _Open(key, self._next_step)
        sampling, prompt = _prompt(request)
        facts = (request.id, begun.epoch, request.principal, _json(begun.body), sampling, prompt)
        kept = (request.opened, begun.model, request.model, begun.created, begun.note, request.unprepared)
        fork = "" if begun.fork is None else _json(begun.fork)
        return _BEGIN, (key, *facts, *kept, request.asked, begun.dropped, fork)

    def _taken_over(self, begun: Begun) -> list[tuple[Any, ...]]:
        """Return the rows of the events that a fork begins with."""
        open = self._open[begun.id]
        open.pieces.extend(begun.events)
        rows: list[tuple[Any, ...]] = []
        for event in begun.events:
            tuning = None if event.tuned is None else (to_json(event.tuned), begun.request.sampling)
            rows.append((open.key, event.text, event.tokens, (), event.read, tuning))
        return rows

    def _prepare_request(self, made: PromptMade) -> _Statement:
        sampling, prompt = _prompt(made.request)
        facts = (made.request.opened, made.identity, made.dropped)
        return _PREPARE, (sampling, prompt, *facts, self._open[made.id].key)

    def _end(self, finished: Finished) -> Iterator[_Statement]:
        ended = self._open.pop(finished.id)
        yield _END, (time.time(), _json(finished), _json(ended.pieces), ended.key)
        yield from self._trim()

    def _break(self, broken: Broken) -> Iterator[_Statement]:
        """Store the end that readers were sent, even when the engine's own end was journaled before."""
        self._open.pop(broken.id, None)
        yield _BREAK, (time.time(), _json(broken.finished), _json(broken.pieces), broken.id)
        yield from self._trim()

    def _trim(self) -> Iterator[_Statement]:
        first = min((open.first_step for open in self._open.values()), default=self._next_step)
        if first > self._first_step:
            self._first_step = first
            yield _TRIM, (first,)

    def _fail(self, error: sqlite3.Error) -> None:
        self.failure = (
            f"{self._path}: {error}; answers continue, but are kept in memory only: fix that (is the disk full?), then "
            "restart the server"
        )
        self._lock.mark(FAILED)
        logger.error("%s", self.failure)


def _prompt(request: GenerationRequest) -> tuple[str, bytes]:
    return _json(request.sampling), array("i", request.prompt).tobytes()


def _claim(folder: Path) -> FolderLock:
    try:
        return FolderLock(folder)
    except FolderInUseError as error:
        raise JournalError(str(error)) from error
    except OSError as error:
        raise JournalError(f"--data {folder}: nothing can be written there: {error.strerror}") from error


def _is_text(text: object) -> bool:
    """Tell whether ``text`` fits a log. A lone surrogate does not; the registry ends the generation that has it."""
    if not isinstance(text, str):
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
