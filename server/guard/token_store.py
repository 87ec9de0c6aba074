"""File of tokens and browser sessions. It stores hashes only.

A hash is plain SHA-256. Salt and slow hashing protect passwords, which people choose and attackers guess. These secrets
have 256 random bits: they can't be guessed, and no two are alike.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from server.sqlite_files import NewerFileError, connect, prepare

FILE: Final = "tokens.sqlite3"

WAIT_SECONDS: Final = 2.0
"""Time to wait for another process that writes."""

MIGRATIONS: Final = (
    """
    CREATE TABLE IF NOT EXISTS tokens (
        key       INTEGER PRIMARY KEY,
        name      TEXT NOT NULL,           -- the principal
        hash      TEXT NOT NULL UNIQUE,
        created   REAL NOT NULL,           -- Unix time, as all of these
        last_used REAL,
        revoked   REAL
    );
    CREATE UNIQUE INDEX IF NOT EXISTS one_valid_token_of_a_name ON tokens (name) WHERE revoked IS NULL;
    CREATE TABLE IF NOT EXISTS sessions (
        hash    TEXT PRIMARY KEY,
        token   INTEGER NOT NULL REFERENCES tokens (key),
        expires REAL NOT NULL
    );
    """,
)
"""A step is never changed once released: a new one is appended."""


class TokenFileError(Exception):
    """The file can't be used. The text is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """One token, as `streamui token list` shows it. Times are Unix times."""

    key: int
    name: str
    created: float
    last_used: float | None
    revoked: float | None


@dataclass(frozen=True, slots=True)
class ValidToken:
    key: int
    name: str
    hash: str


@dataclass(frozen=True, slots=True)
class LoginSession:
    hash: str
    token: int
    expires: float


class TokenStore:
    """Owns one connection to the file, for one thread. Every method may raise TokenFileError."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        try:
            self._db = connect(self.path, wait_seconds=WAIT_SECONDS)
            self._inode = os.stat(self.path).st_ino
            prepare(self._db, self.path, MIGRATIONS)
        except NewerFileError as error:
            raise TokenFileError(str(error)) from error
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        self._db.close()

    @property
    def change(self) -> int | None:
        """A number that changes whenever another process writes to the file; None after the file was removed. Takes
        microseconds."""
        try:
            if os.stat(self.path).st_ino != self._inode:
                return None
        except OSError:
            return None
        return int(self._rows("PRAGMA data_version")[0][0])

    def add(self, name: str, hash: str) -> bool:
        """Store a token. Returns False when the name has a valid one."""
        try:
            self._db.execute("INSERT INTO tokens (name, hash, created) VALUES (?, ?, ?)", (name, hash, time.time()))
        except sqlite3.IntegrityError:
            return False
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return True

    def revoke(self, name: str) -> bool:
        """Revoke the name's token and its sessions. Returns False when it has no valid one."""
        done = self._rows(
            "UPDATE tokens SET revoked = ? WHERE name = ? AND revoked IS NULL RETURNING key", (time.time(), name)
        )
        self._rows("DELETE FROM sessions WHERE token IN (SELECT key FROM tokens WHERE revoked IS NOT NULL)")
        return bool(done)

    def all(self) -> list[TokenFacts]:
        """Return every token ever created, oldest first."""
        rows = self._rows("SELECT key, name, created, last_used, revoked FROM tokens ORDER BY key")
        return [TokenFacts(*row) for row in rows]

    def valid(self) -> list[ValidToken]:
        return [ValidToken(*row) for row in self._rows("SELECT key, name, hash FROM tokens WHERE revoked IS NULL")]

    def first_name(self) -> str | None:
        """Return the name of the first token that was ever created, also after it was revoked."""
        rows = self._rows("SELECT name FROM tokens ORDER BY key LIMIT 1")
        return str(rows[0][0]) if rows else None

    def sessions(self) -> list[LoginSession]:
        return [LoginSession(*row) for row in self._rows("SELECT hash, token, expires FROM sessions")]

    def add_session(self, session: LoginSession) -> None:
        self._rows("DELETE FROM sessions WHERE expires < ?", (time.time(),))
        self._rows("INSERT INTO sessions VALUES (?, ?, ?)", (session.hash, session.token, session.expires))

    def end_session(self, hash: str) -> None:
        self._rows("DELETE FROM sessions WHERE hash = ?", (hash,))

    def used(self, token: int) -> None:
        """Record that a token is in use now."""
        self._rows("UPDATE tokens SET last_used = ? WHERE key = ?", (time.time(), token))

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> TokenFileError:
        return TokenFileError(f"{self.path}: {error}; fix that, or choose another --data")


def hash_of(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
