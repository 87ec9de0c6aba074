"""Reading of the tables into values. Every function runs on the store's thread, in its transaction.

A conversation that the principal does not have raises RemoteProtocolError (unknown_id), whether or not another
principal has it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations.values import About, ConversationSettings, Message, MessageState, Summary, Whole

_CONVERSATION = """
    SELECT key, id, title, named, created_at, updated_at, pinned, version, leaf, settings, deleted_at
    FROM conversations WHERE principal = ? AND id = ?
"""
_WRITING = "SELECT generation FROM messages WHERE conversation = ? AND state = 'writing' AND deleted_at IS NULL"
_MESSAGES = """
    SELECT id, parent, role, content, created_at, state, generation, about
    FROM messages WHERE conversation = ? AND deleted_at IS NULL ORDER BY key
"""
_PARENTS = "SELECT id, parent FROM messages WHERE conversation = ? AND deleted_at IS NULL ORDER BY key"
LISTED = """
    (title <> '' OR pinned OR EXISTS (
        SELECT 1 FROM messages WHERE messages.conversation = conversations.key AND messages.deleted_at IS NULL
    ))
"""
"""SQL condition for listed conversations: with a message, a title or a pin (PROTOCOL 14.4)."""

_IS_LISTED = f"SELECT 1 FROM conversations WHERE key = ? AND deleted_at IS NULL AND {LISTED}"
_ALL = f"SELECT id FROM conversations WHERE principal = ? AND deleted_at IS NULL AND {LISTED} ORDER BY key"
_LEFT_WRITING = """
    SELECT principal, conversations.id, generation FROM messages
    JOIN conversations ON conversations.key = messages.conversation WHERE state = 'writing' ORDER BY messages.key
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRow:
    """A conversation's row. ``deleted_at`` None: not deleted."""

    key: int
    id: str
    title: str
    named: int
    created_at: int
    updated_at: int
    pinned: int
    version: int
    leaf: str | None
    settings: str
    deleted_at: int | None


@dataclass(frozen=True, slots=True)
class Writing:
    """A generation that writes, or was writing, in a conversation."""

    principal: str
    conversation: str
    generation: str


def any_row(db: sqlite3.Connection, principal: str, id: str) -> ConversationRow | None:
    """Return the row of a conversation, even if deleted; None when there is none."""
    values = db.execute(_CONVERSATION, (principal, id)).fetchone()
    return (
        None
        if values is None
        else ConversationRow(**dict(zip(ConversationRow.__dataclass_fields__, values, strict=True)))
    )


def row(db: sqlite3.Connection, principal: str, id: str) -> ConversationRow:
    found = any_row(db, principal, id)
    if found is None or found.deleted_at is not None:
        raise unknown(id)
    return found


def unknown(id: str) -> RemoteProtocolError:
    text = f"conversation: there is no conversation {id!r}; it may have been deleted"
    return RemoteProtocolError(ErrorCode.UNKNOWN_ID, text, field="conversation")


def unknown_message(conversation: str, id: str, field: str) -> RemoteProtocolError:
    text = f"{field}: conversation {conversation!r} has no message {id!r}; it may have been deleted"
    return RemoteProtocolError(ErrorCode.UNKNOWN_ID, text, field=field)


def writing(db: sqlite3.Connection, key: int) -> tuple[str, ...]:
    return tuple(generation for (generation,) in db.execute(_WRITING, (key,)))


def summary(db: sqlite3.Connection, row: ConversationRow) -> Summary:
    return Summary(**facts(db, row))


def facts(db: sqlite3.Connection, row: ConversationRow) -> dict[str, Any]:
    """Return the fields of a Summary."""
    return {
        "id": row.id,
        "title": row.title,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "pinned": bool(row.pinned),
        "version": row.version,
        "writing": writing(db, row.key),
    }


def is_listed(db: sqlite3.Connection, row: ConversationRow) -> bool:
    """Tell whether the list, the full export and `conversation` events include it."""
    return db.execute(_IS_LISTED, (row.key,)).fetchone() is not None


def whole(db: sqlite3.Connection, principal: str, id: str) -> Whole:
    return whole_of(db, row(db, principal, id))


def whole_of(db: sqlite3.Connection, row: ConversationRow) -> Whole:
    return Whole(**facts(db, row), settings=settings(row), leaf=row.leaf, messages=messages(db, row.key))


def whole_if_there(db: sqlite3.Connection, principal: str, id: str) -> Whole | None:
    found = any_row(db, principal, id)
    return None if found is None or found.deleted_at is not None else whole_of(db, found)


def all_ids(db: sqlite3.Connection, principal: str) -> list[str]:
    """Return the ids of a user's conversations, oldest first."""
    return [id for (id,) in db.execute(_ALL, (principal,))]


def settings(row: ConversationRow) -> ConversationSettings:
    return msgspec.json.decode(row.settings, type=ConversationSettings)


def messages(db: sqlite3.Connection, key: int) -> tuple[Message, ...]:
    """Return a conversation's messages, in the order in which they were started."""
    return tuple(_message(values) for values in db.execute(_MESSAGES, (key,)))


def parents(db: sqlite3.Connection, key: int) -> dict[str, str | None]:
    return dict(db.execute(_PARENTS, (key,)).fetchall())


def left_writing(db: sqlite3.Connection) -> list[Writing]:
    """Return the open generations of all conversations, including deleted ones."""
    return [Writing(*values) for values in db.execute(_LEFT_WRITING)]


def _message(values: Sequence[Any]) -> Message:
    id, parent, role, content, created_at, state, generation, about = values
    decoded = _NOTHING if about == "{}" else msgspec.json.decode(about, type=About)
    return Message(
        id=id,
        parent=parent,
        role=role,
        content=content,
        created_at=created_at,
        state=MessageState(state),
        generation=generation,
        reason=decoded.reason,
        usage=decoded.usage,
        timings=decoded.timings,
        limit=decoded.limit,
        earlier=decoded.earlier,
        thoughts=decoded.thoughts,
        model=decoded.model,
        error=decoded.error,
        dropped=decoded.dropped,
        summary=decoded.summary,
        edited_at=decoded.edited_at,
        tool_calls=decoded.tool_calls,
        tool_call_id=decoded.tool_call_id,
    )


_NOTHING = About()
