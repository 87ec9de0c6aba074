"""Upkeep of all conversations: purge of rows, and the model of earlier chats."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from server.conversations.reading import row, summary
from server.conversations.values import Summary

KEPT_MS: Final = 3_600_000
"""Time for which deleted rows can be restored, in milliseconds."""

UNUSED_MS: Final = 86_400_000
"""Lifetime of a conversation without messages, title and pin, in milliseconds: its client may still add a message."""

INTERVAL_SECONDS: Final = 60.0
"""Interval between purges, in seconds."""

_MESSAGES: Final = "DELETE FROM messages WHERE deleted_at <= ?"
_CONVERSATIONS: Final = "DELETE FROM conversations WHERE deleted_at <= ?"
_UNUSED: Final = """
    DELETE FROM conversations WHERE title = '' AND NOT pinned AND updated_at <= ?
    AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.conversation = conversations.key)
"""
_VACUUM: Final = "PRAGMA incremental_vacuum(1024)"  # at most this many pages, which keeps it fast


_KEEP_MODEL: Final = """
    UPDATE conversations SET version = version + 1, settings = json_set(settings, '$.model', :model)
    WHERE deleted_at IS NULL AND json_extract(settings, '$.model') IS NULL AND EXISTS (
        SELECT 1 FROM messages
        WHERE messages.conversation = conversations.key AND role = 'assistant' AND messages.deleted_at IS NULL
        AND (state = 'writing' OR json_extract(about, '$.model') = :model)
    ) RETURNING principal, id
"""


class Purge(NamedTuple):
    """Numbers of rows that are gone: those that a user had deleted, and conversations that were never used."""

    deleted: int
    unused: int


def purge(db: sqlite3.Connection, now: int) -> Purge:
    """Delete rows that are unused or were deleted more than KEPT_MS before ``now``."""
    deleted = sum(db.execute(sql, (now - KEPT_MS,)).rowcount for sql in (_MESSAGES, _CONVERSATIONS))
    gone = Purge(deleted, unused=db.execute(_UNUSED, (now - UNUSED_MS,)).rowcount)
    if any(gone):
        db.execute(_VACUUM).fetchall()
    return gone


def keep_model(db: sqlite3.Connection, model: str) -> list[tuple[str, Summary]]:
    """Choose ``model`` in the settings of the conversations in which it has answered and no other one is chosen.

    Returns the changed ones with their principals.
    """
    changed = db.execute(_KEEP_MODEL, {"model": model}).fetchall()
    return [(principal, summary(db, row(db, principal, id))) for principal, id in changed]
