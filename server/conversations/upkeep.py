"""Rows that are purged: what was deleted an hour ago, and conversations that were made and never used."""

from __future__ import annotations

import sqlite3
from typing import Final

KEPT_MS: Final = 3_600_000
"""How long what was deleted can be had back."""

UNUSED_MS: Final = 86_400_000
"""Lifetime of a conversation without message, title and pin, in milliseconds: its client may still bring a message."""

INTERVAL_SECONDS: Final = 60.0
"""Between two looks at what has to go."""

_MESSAGES: Final = "DELETE FROM messages WHERE deleted_at <= ?"
_CONVERSATIONS: Final = "DELETE FROM conversations WHERE deleted_at <= ?"
_UNUSED: Final = """
    DELETE FROM conversations WHERE title = '' AND NOT pinned AND updated_at <= ?
    AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.conversation = conversations.key)
"""
_VACUUM: Final = "PRAGMA incremental_vacuum(1024)"  # pages; so that it takes only moments


def purge(db: sqlite3.Connection, now: int) -> int:
    """Throw away what was deleted more than KEPT_MS before ``now``, or is unused; how many rows that were."""
    gone = sum(db.execute(sql, (now - KEPT_MS,)).rowcount for sql in (_MESSAGES, _CONVERSATIONS))
    gone += db.execute(_UNUSED, (now - UNUSED_MS,)).rowcount
    if gone:
        db.execute(_VACUUM).fetchall()
    return gone
