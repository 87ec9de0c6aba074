"""Rows of messages in the tables. Every function runs on the store's thread, in its transaction."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from server.conversations.reading import any_row, is_listed, summary, unknown
from server.conversations.values import About, MessageState, Summary

_INSERT = """
    INSERT INTO messages (conversation, id, parent, role, content, created_at, state, generation, about)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INDEX = "INSERT INTO message_words (rowid, content) VALUES (last_insert_rowid(), indexed(?))"
_TAKEN = "SELECT 1 FROM messages WHERE conversation = ? AND id = ?"

MAX_ID = 64
"""Most characters of a message's id."""

_NOTHING = About()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to write. ``generation``: the one that writes it; None: a client does."""

    id: str
    parent: str | None
    role: str
    content: str
    state: MessageState = MessageState.DONE
    generation: str | None = None
    about: About = _NOTHING


def insert(db: sqlite3.Connection, conversation: int, messages: Iterable[NewMessage], now: int) -> None:
    """Write messages into a conversation's row, and into the search index. Their ids must be free."""
    for new in messages:
        facts = encoded(new.about)
        values = (new.id, new.parent, new.role, new.content, now, new.state, new.generation, facts)
        db.execute(_INSERT, (conversation, *values))
        db.execute(_INDEX, (new.content,))


def is_taken(db: sqlite3.Connection, conversation: int, id: str) -> bool:
    """Tell whether a conversation has a message with this id, also a deleted one."""
    return db.execute(_TAKEN, (conversation, id)).fetchone() is not None


def free_id(db: sqlite3.Connection, conversation: int, id: str) -> str:
    """Return ``id``, or a random one if it is too long or taken."""
    return secrets.token_hex(16) if len(id) > MAX_ID or is_taken(db, conversation, id) else id


def summary_if_listed(db: sqlite3.Connection, principal: str, conversation: str) -> Summary | None:
    """Return the conversation's summary; None when no client must be notified. Raises RemoteProtocolError."""
    found = any_row(db, principal, conversation)
    if found is None:
        raise unknown(conversation)
    return summary(db, found) if is_listed(db, found) else None


def encoded(about: About) -> str:
    return msgspec.json.encode(about).decode()
