"""List of a user's conversations, page by page, and search in them (PROTOCOL 14.4).

Every function runs on the store's thread, in its transaction.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations.reading import LISTED, ConversationRow, facts
from server.conversations.search_text import Query, composed
from server.conversations.snippets import is_in_answer, snippet
from server.conversations.values import Found, Listed, Summary

MOST: Final = 200
USUAL: Final = 50

LITERAL_MESSAGES: Final = 200_000
"""Newest messages searched for a text without words, such as `%`. There is no index for these."""

EARLIER_MESSAGES: Final = 100
"""Messages of a conversation that are read to find a hit outside of the model's thinking."""

_COLUMNS: Final = ", ".join(f"conversations.{name}" for name in ConversationRow.__dataclass_fields__)
_CURSOR: Final = re.compile(r"([01])\.([0-9]{1,16})\.([0-9]{1,16})")

_MINE: Final = f"FROM conversations WHERE principal = :principal AND deleted_at IS NULL AND {LISTED}"
_BEHIND: Final = " AND (pinned, updated_at, key) < (:pinned, :updated_at, :key)"
_ORDER: Final = " ORDER BY pinned DESC, updated_at DESC, key DESC LIMIT :limit"
_LIST: Final = f"SELECT {_COLUMNS}, NULL {_MINE}{{behind}}{_ORDER}"
_IN_MESSAGES: Final = """
    SELECT messages.conversation AS hit, max(messages.key) AS message FROM message_words
    JOIN messages ON messages.key = message_words.rowid
    WHERE message_words MATCH :match AND messages.deleted_at IS NULL GROUP BY messages.conversation
"""
_IN_TITLES: Final = "SELECT rowid AS hit FROM title_words WHERE title_words MATCH :match"
_LITERAL_IN_MESSAGES: Final = f"""
    SELECT conversation AS hit, max(key) AS message FROM messages
    WHERE key > (SELECT max(key) FROM messages) - {LITERAL_MESSAGES} AND deleted_at IS NULL AND instr(content, :literal)
    GROUP BY conversation
"""
_LITERAL_IN_TITLES: Final = "SELECT key AS hit FROM conversations WHERE instr(title, :literal)"
_SEARCH: Final = f"""
    WITH hits AS ({{messages}}), titles AS ({{titles}})
    SELECT {_COLUMNS}, (SELECT message FROM hits WHERE hit = key) {_MINE}
    AND (key IN (SELECT hit FROM titles) OR key IN (SELECT hit FROM hits)){{behind}}{_ORDER}
"""
_MESSAGE: Final = "SELECT id, content FROM messages WHERE key = ?"
_EARLIER: Final = f"""
    SELECT id, content FROM messages WHERE conversation = ? AND key < ? AND deleted_at IS NULL
    ORDER BY key DESC LIMIT {EARLIER_MESSAGES}
"""


@dataclass(frozen=True, slots=True)
class PageCursor:
    """End of a page."""

    pinned: int
    updated_at: int
    key: int

    def __str__(self) -> str:
        return f"{self.pinned}.{self.updated_at}.{self.key}"


def cursor_of(text: str) -> PageCursor:
    """Parse a cursor. Raises RemoteProtocolError."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise RemoteProtocolError(
            ErrorCode.INVALID_FIELD, f"before must be the `next` of an earlier page, not {text[:40]!r}", field="before"
        )
    return PageCursor(*map(int, match.groups()))


def listed(db: sqlite3.Connection, principal: str, limit: int, before: PageCursor | None) -> Listed:
    """List conversations: pinned ones first, then by the time of the last message, newest first."""
    rows, next = _page(db, _LIST, {"principal": principal}, limit, before)
    return Listed(tuple(Summary(**facts(db, row)) for row, _ in rows), next)


def found(db: sqlite3.Connection, principal: str, limit: int, before: PageCursor | None, text: str) -> Listed:
    """List the conversations with all words of ``text`` in the title or in one message."""
    query = Query(text)
    if not query:
        return Listed((), None)
    messages, titles = (_LITERAL_IN_MESSAGES, _LITERAL_IN_TITLES) if query.match is None else (_IN_MESSAGES, _IN_TITLES)
    sql = _SEARCH.format(messages=messages, titles=titles, behind="{behind}")
    values = {"principal": principal, "match": query.match, "literal": query.literal}
    rows, next = _page(db, sql, values, limit, before)
    return Listed(tuple(_found(db, row, message, query) for row, message in rows), next)


def _page(
    db: sqlite3.Connection, sql: str, values: dict[str, Any], limit: int, before: PageCursor | None
) -> tuple[list[tuple[ConversationRow, int | None]], str | None]:
    """Return up to ``limit`` rows, each with its newest matching message, and the cursor of the next page."""
    values = {**values, "limit": limit + 1}
    if before:
        values |= {"pinned": before.pinned, "updated_at": before.updated_at, "key": before.key}
    names = ConversationRow.__dataclass_fields__
    fetched = db.execute(sql.format(behind=_BEHIND if before else ""), values).fetchall()
    rows = [(ConversationRow(**dict(zip(names, columns, strict=True))), message) for *columns, message in fetched]
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1][0]
    return rows[:limit], str(PageCursor(last.pinned, last.updated_at, last.key))


def _found(db: sqlite3.Connection, row: ConversationRow, message: int | None, query: Query) -> Found:
    if message is None or query.is_in(composed(row.title)):
        return Found(**facts(db, row), snippet=snippet(row.title, query), message=None)
    id, content = _best(db, row.key, message, query)
    return Found(**facts(db, row), snippet=snippet(content, query), message=id)


def _best(db: sqlite3.Connection, conversation: int, newest: int, query: Query) -> tuple[str, str]:
    """Return id and content of the message to show: the newest hit, or an earlier one if that is only in its
    thinking."""
    id, content = db.execute(_MESSAGE, (newest,)).fetchone()
    if is_in_answer(content, query):
        return id, content
    earlier = db.execute(_EARLIER, (conversation, newest))
    return next(((id, text) for id, text in earlier if is_in_answer(text, query)), (id, content))
