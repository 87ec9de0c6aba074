"""The list of a user's conversations, page by page, and what a search in them finds (PROTOCOL 14.4).

Every function runs on the store's thread, in its transaction.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations.reading import Row, facts
from server.conversations.values import Found, Listed, Piece, Summary

MOST: Final = 200
USUAL: Final = 50
WORDS: Final = 16
"""Of a search; what follows is not looked for."""

_COLUMNS: Final = ", ".join(f"conversations.{name}" for name in Row.__dataclass_fields__)
_MARKS: Final = ("\x02", "\x03")
_SNIPPET_WORDS: Final = 20
_CURSOR: Final = re.compile(r"([01])\.([0-9]{1,16})\.([0-9]{1,16})")

_MINE: Final = "FROM conversations WHERE principal = :principal AND deleted_at IS NULL"
_BEHIND: Final = " AND (pinned, updated_at, key) < (:pinned, :updated_at, :key)"
_ORDER: Final = " ORDER BY pinned DESC, updated_at DESC, key DESC LIMIT :limit"
_LIST: Final = f"SELECT {_COLUMNS}, NULL {_MINE}{{behind}}{_ORDER}"
_HITS: Final = """
    SELECT messages.conversation AS hit, max(messages.key) AS message FROM message_words
    JOIN messages ON messages.key = message_words.rowid
    WHERE message_words MATCH :words AND messages.deleted_at IS NULL GROUP BY messages.conversation
"""
_SEARCH: Final = f"""
    WITH hits AS ({_HITS}), titles AS (SELECT rowid AS hit FROM title_words WHERE title_words MATCH :words)
    SELECT {_COLUMNS}, (SELECT message FROM hits WHERE hit = key) {_MINE}
    AND (key IN (SELECT hit FROM titles) OR key IN (SELECT hit FROM hits)){{behind}}{_ORDER}
"""
_TITLE_SNIPPET: Final = f"""
    SELECT NULL, snippet(title_words, 0, char(2), char(3), '…', {_SNIPPET_WORDS})
    FROM title_words WHERE title_words MATCH ? AND rowid = ?
"""
_MESSAGE_SNIPPET: Final = f"""
    SELECT messages.id, snippet(message_words, 0, char(2), char(3), '…', {_SNIPPET_WORDS})
    FROM message_words JOIN messages ON messages.key = message_words.rowid
    WHERE message_words MATCH ? AND message_words.rowid = ?
"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended."""

    pinned: int
    updated_at: int
    key: int

    def __str__(self) -> str:
        return f"{self.pinned}.{self.updated_at}.{self.key}"


def cursor_of(text: str) -> Cursor:
    """Raises RemoteProtocolError."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise RemoteProtocolError(
            ErrorCode.INVALID_FIELD, f"before must be the next of an earlier page, not {text[:40]!r}", field="before"
        )
    return Cursor(*map(int, match.groups()))


def words_of(text: str) -> str | None:
    """The FTS5 query for all words of ``text``, each as the beginning of one; None: there is none."""
    words = re.findall(r"\w+", text)[:WORDS]
    return " ".join(f'"{word}"*' for word in words) or None


def listed(db: sqlite3.Connection, principal: str, limit: int, before: Cursor | None) -> Listed:
    """Pinned ones first, then by when something was last said in them, the newest first."""
    rows, next = _page(db, _LIST, {"principal": principal}, limit, before)
    return Listed(tuple(Summary(**facts(db, row)) for row, _ in rows), next)


def found(db: sqlite3.Connection, principal: str, limit: int, before: Cursor | None, text: str) -> Listed:
    """Of the list, those whose title or one of whose messages has all words of ``text``."""
    words = words_of(text)
    if words is None:
        return Listed((), None)
    rows, next = _page(db, _SEARCH, {"principal": principal, "words": words}, limit, before)
    return Listed(tuple(_found(db, row, message, words) for row, message in rows), next)


def _page(
    db: sqlite3.Connection, sql: str, values: dict[str, Any], limit: int, before: Cursor | None
) -> tuple[list[tuple[Row, int | None]], str | None]:
    """Up to ``limit`` rows, each with the newest message that was found, and the cursor of the next page."""
    values = {**values, "limit": limit + 1}
    if before:
        values |= {"pinned": before.pinned, "updated_at": before.updated_at, "key": before.key}
    names = Row.__dataclass_fields__
    fetched = db.execute(sql.format(behind=_BEHIND if before else ""), values).fetchall()
    rows = [(Row(**dict(zip(names, columns, strict=True))), message) for *columns, message in fetched]
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1][0]
    return rows[:limit], str(Cursor(last.pinned, last.updated_at, last.key))


def _found(db: sqlite3.Connection, row: Row, message: int | None, words: str) -> Found:
    hit = db.execute(_TITLE_SNIPPET, (words, row.key)).fetchone()
    if hit is None:
        hit = db.execute(_MESSAGE_SNIPPET, (words, message)).fetchone()
    id, marked = hit or (None, row.title)
    return Found(**facts(db, row), snippet=pieces(marked), message=id)


def pieces(marked: str) -> tuple[Piece, ...]:
    """``marked`` in its parts, of which every second is one that was looked for."""
    begin, end = _MARKS
    found = []
    for number, part in enumerate(marked.replace(end, begin).split(begin)):
        if part:
            found.append(Piece(part, match=bool(number % 2)))
    return tuple(found)
