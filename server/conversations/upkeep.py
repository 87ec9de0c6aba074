"""What goes by itself: what was deleted, once its time is over."""

from __future__ import annotations

import sqlite3
from typing import Final

KEPT_MS: Final = 3_600_000
"""How long what was deleted can be had back."""

INTERVAL_SECONDS: Final = 60.0
"""Between two looks at what has to go."""

_MESSAGES: Final = "DELETE FROM messages WHERE deleted_at <= ?"
_CONVERSATIONS: Final = "DELETE FROM conversations WHERE deleted_at <= ?"
_VACUUM: Final = "PRAGMA incremental_vacuum(1024)"  # pages; so that it takes only moments


def purge(db: sqlite3.Connection, now: int) -> int:
    """Throw away what was deleted more than KEPT_MS before ``now``; how many rows that were."""
    gone = sum(db.execute(sql, (now - KEPT_MS,)).rowcount for sql in (_MESSAGES, _CONVERSATIONS))
    if gone:
        db.execute(_VACUUM).fetchall()
    return gone
