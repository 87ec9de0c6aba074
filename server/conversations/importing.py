"""Import of one conversation into the tables, all or nothing.

Runs on the store's thread, in its transaction.
"""

from __future__ import annotations

import secrets
import sqlite3

import msgspec

from server.conversations.formats.draft import BadItemError, Draft
from server.conversations.reading import any_row, row, summary
from server.conversations.titles import title_of
from server.conversations.values import RESERVED, Summary

_CONVERSATION = """
    INSERT INTO conversations (principal, id, title, named, created_at, updated_at, pinned, leaf, settings)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_MESSAGE = """
    INSERT INTO messages (conversation, id, parent, role, content, created_at, state, about)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

_INDEX = "INSERT INTO message_words (rowid, content) SELECT key, indexed(content) FROM messages WHERE conversation = ?"


def add(db: sqlite3.Connection, principal: str, draft: Draft) -> Summary:
    """Store the checked ``draft``. Raises BadItemError when the user already has this conversation."""
    id = draft.id
    if id is not None and (found := any_row(db, principal, id)):
        if found.deleted_at is None:
            raise BadItemError("it is here already; to import the file's version, delete this one first")
        id = None
    if id is None or id in RESERVED:
        id = secrets.token_hex(8)
    first = next((message.content for message in draft.messages if message.role == "user"), "")
    title = draft.title or title_of(first)
    named = draft.title not in ("", title_of(first))
    times = (draft.created_at, draft.updated_at)
    facts = (principal, id, title, named, *times, draft.pinned, draft.leaf, _json(draft.settings))
    key = db.execute(_CONVERSATION, facts).lastrowid
    db.executemany(
        _MESSAGE,
        ((key, m.id, m.parent, m.role, m.content, m.created_at, m.state.value, _json(m.about)) for m in draft.messages),
    )
    db.execute(_INDEX, (key,))
    return summary(db, row(db, principal, id))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
