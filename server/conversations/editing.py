"""Users' changes to conversations. Every function runs on the store's thread, in its transaction.

``now`` is in milliseconds since the Unix epoch. Functions raise RemoteProtocolError: unknown_id, id_conflict,
edit_conflict.
"""

from __future__ import annotations

import secrets
import sqlite3
from typing import NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations import tree
from server.conversations.branching import Branch, add_branch, branch_at
from server.conversations.reading import (
    any_row,
    is_listed,
    parents,
    row,
    summary,
    unknown,
    unknown_message,
    whole,
    writing,
)
from server.conversations.titles import title_of
from server.conversations.upkeep import KEPT_MS
from server.conversations.values import (
    MAX_TITLE,
    RESERVED,
    About,
    Change,
    ConversationSettings,
    Deleted,
    MessageChange,
    MessageState,
    NewConversation,
    Summary,
    Whole,
)

_CREATE = """
    INSERT INTO conversations (principal, id, title, named, created_at, updated_at, settings)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_CHANGE = """
    UPDATE conversations SET version = version + 1, title = ?, named = ?, pinned = ?, leaf = ?, settings = ?
    WHERE key = ?
"""
_DELETE = "UPDATE conversations SET version = version + 1, deleted_at = ? WHERE key = ?"
_FIRST = """
    SELECT content FROM messages WHERE conversation = ? AND role = 'user' AND deleted_at IS NULL ORDER BY key LIMIT 1
"""
_DELETE_MESSAGE = """
    UPDATE messages SET deleted_at = ?, deleted_with = ? WHERE conversation = ? AND id = ? AND deleted_at IS NULL
"""
_RESTORE_MESSAGES = """
    UPDATE messages SET deleted_at = NULL, deleted_with = NULL WHERE conversation = ? AND deleted_with = ?
"""
_WRITING_BELOW = """
    SELECT id, generation FROM messages WHERE conversation = ? AND state = 'writing' AND deleted_at IS NULL
"""
_MESSAGE = """
    SELECT role, state, content, about FROM messages WHERE conversation = ? AND id = ? AND deleted_at IS NULL
"""
_CHANGE_ABOUT = "UPDATE messages SET about = ? WHERE conversation = ? AND id = ?"
_CHANGE_TEXT = "UPDATE messages SET content = ? WHERE conversation = ? AND id = ?"
_TOUCH = "UPDATE conversations SET version = version + 1 WHERE key = ?"
_LEAF = "UPDATE conversations SET version = version + 1, leaf = ?, updated_at = ? WHERE key = ?"


class Removed(NamedTuple):
    """Result of a delete: the conversation, and the generations to cancel. ``is_announced``: other clients know the
    conversation and must be notified.
    """

    answer: Deleted
    summary: Summary
    generations: tuple[str, ...]
    is_announced: bool = True


class Changed(NamedTuple):
    """A conversation after a change. ``is_announced``: it is or was listed, so other clients must be notified."""

    summary: Summary
    is_announced: bool


def create(db: sqlite3.Connection, principal: str, new: NewConversation, now: int) -> tuple[Whole, bool]:
    """Return the conversation with this id, and whether it is new.

    Raises RemoteProtocolError: also unexpected_message, when a message of the branch is being written.
    """
    id = new.id or secrets.token_hex(8)
    if id in RESERVED:
        text = f"id: {id!r} is reserved and can't name a conversation; choose another id"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="id")
    if found := any_row(db, principal, id):
        if found.deleted_at is not None:
            text = f"id: conversation {id!r} was deleted; restore it, or choose another id"
            raise RemoteProtocolError(ErrorCode.ID_CONFLICT, text, field="id")
        return whole(db, principal, id), False
    branch = branch_at(db, principal, new.branch) if new.branch else Branch("", ConversationSettings(), ())
    title = title_of(new.title or "", MAX_TITLE) or branch.title
    settings = branch.settings if new.settings is None else new.settings
    db.execute(_CREATE, (principal, id, title, bool(title), now, now, _json(settings)))
    if branch.messages:
        add_branch(db, row(db, principal, id).key, branch)
    return whole(db, principal, id), True


def change(db: sqlite3.Connection, principal: str, id: str, change: Change) -> Changed:
    """Apply ``change``. Its leaf is extended to the newest end below it."""
    found = row(db, principal, id)
    was_listed = is_listed(db, found)
    leaf, title, named = found.leaf, found.title, None
    if change.leaf is not None:
        known = parents(db, found.key)
        if change.leaf not in known:
            raise unknown_message(id, change.leaf, "leaf")
        leaf = tree.newest_leaf(known, change.leaf)
    if change.title is not None:
        chosen = title_of(change.title, MAX_TITLE)
        named, title = bool(chosen), chosen or _derived(db, found.key)
    settings = found.settings if change.settings is None else _json(change.settings)
    pinned = found.pinned if change.pinned is None else change.pinned
    db.execute(_CHANGE, (title, found.named if named is None else named, pinned, leaf, settings, found.key))
    return _changed(db, principal, id, was_listed)


def delete(db: sqlite3.Connection, principal: str, id: str, now: int) -> Removed:
    found = row(db, principal, id)
    was_listed = is_listed(db, found)
    generations = writing(db, found.key)
    db.execute(_DELETE, (now, found.key))
    gone = any_row(db, principal, id)
    assert gone is not None
    return Removed(Deleted(id, now + KEPT_MS), summary(db, gone), generations, was_listed)


def restore(db: sqlite3.Connection, principal: str, id: str) -> Changed:
    """Restore a deleted conversation; one that exists is returned unchanged."""
    found = any_row(db, principal, id)
    if found is None:
        raise unknown(id)
    if found.deleted_at is not None:
        db.execute(_DELETE, (None, found.key))
    return _changed(db, principal, id, False)


def delete_message(db: sqlite3.Connection, principal: str, id: str, message: str, now: int) -> Removed:
    """Delete a message and all messages below it."""
    found = row(db, principal, id)
    known = parents(db, found.key)
    if message not in known:
        raise unknown_message(id, message, "message")
    gone = tree.subtree(known, message)
    running = dict(db.execute(_WRITING_BELOW, (found.key,)).fetchall())
    db.executemany(_DELETE_MESSAGE, [(now, message, found.key, one) for one in gone])
    db.execute(_LEAF, (tree.leaf_without(known, message, found.leaf), now, found.key))
    generations = tuple(running[one] for one in gone if one in running)
    return Removed(Deleted(message, now + KEPT_MS), summary(db, row(db, principal, id)), generations)


def restore_message(db: sqlite3.Connection, principal: str, id: str, message: str, now: int) -> tuple[Whole, Summary]:
    """Restore a deleted message and the messages deleted with it; one that exists is left unchanged."""
    found = row(db, principal, id)
    if db.execute(_RESTORE_MESSAGES, (found.key, message)).rowcount:
        known = parents(db, found.key)
        if (above := known[message]) is not None and above not in known:
            text = f"message: {message!r} was below {above!r}, which was deleted too; restore that one first"
            raise RemoteProtocolError(ErrorCode.UNKNOWN_ID, text, field="message")
        db.execute(_LEAF, (tree.newest_leaf(known, message), now, found.key))
    elif message not in parents(db, found.key):
        raise unknown_message(id, message, "message")
    return whole(db, principal, id), summary(db, row(db, principal, id))


def change_message(
    db: sqlite3.Connection, principal: str, id: str, message: str, change: MessageChange, now: int
) -> Summary:
    """Set or remove the summary of a message and all above it, or change the text of an answer, or both.

    Raises RemoteProtocolError: also missing_field, invalid_field; unexpected_message while the answer is being written;
    edit_conflict when its text is not ``change.was``.
    """
    if change.summary is UNSET and change.content is None:
        text = "message has neither content nor summary; send the one that is to change"
        raise RemoteProtocolError(ErrorCode.MISSING_FIELD, text, field="content")
    found = row(db, principal, id)
    values = db.execute(_MESSAGE, (found.key, message)).fetchone()
    if values is None:
        raise unknown_message(id, message, "message")
    role, state, content, about = values
    changed = msgspec.json.decode(about, type=About)
    if change.content is not None:
        _refuse_text(change.content, change.was, message, role, state, content)
        _refuse_call(message, role, changed, "content", "answer the question again")
        db.execute(_CHANGE_TEXT, (change.content, found.key, message))
        changed = replace(changed, edited_at=now)
    if change.summary is not UNSET:
        summarized = change.summary if change.summary and change.summary.strip() else None
        if summarized:
            _refuse_call(message, role, changed, "summary", "summarize a message above or below them")
        changed = replace(changed, summary=summarized)
    db.execute(_CHANGE_ABOUT, (_json(changed), found.key, message))
    db.execute(_TOUCH, (found.key,))
    return summary(db, row(db, principal, id))


def _refuse_text(new: str, was: str | None, message: str, role: str, state: str, content: str) -> None:
    """Raise RemoteProtocolError if an answer's text can't become ``new``."""
    if role != "assistant":
        text = f"content: only an answer's text can be changed; {message!r} has the role {role}; send it again instead"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="content")
    if not new.strip():
        text = "content must not be blank; to remove the answer, delete the message"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="content")
    if state == MessageState.WRITING:
        text = f"message {message!r} is still being written: wait for its end, or cancel its generation"
        raise RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, text, field="content")
    if was is not None and was != content:
        text = f"was: the text of message {message!r} has changed since; read the conversation again"
        raise RemoteProtocolError(ErrorCode.EDIT_CONFLICT, text, field="was")


def _refuse_call(message: str, role: str, about: About, field: str, remedy: str) -> None:
    """Raise RemoteProtocolError if a message has calls or the result of one, which fit each other."""
    if role == "tool" or about.tool_calls:
        text = f"{field}: message {message!r} has calls, or the result of one, which stay as they are; {remedy}"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=field)


def _changed(db: sqlite3.Connection, principal: str, id: str, was_listed: bool) -> Changed:
    found = row(db, principal, id)
    return Changed(summary(db, found), was_listed or is_listed(db, found))


def _derived(db: sqlite3.Connection, key: int) -> str:
    first = db.execute(_FIRST, (key,)).fetchone()
    return title_of(first[0]) if first else ""


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
