"""Copy of a branch as a conversation of its own. Runs on the store's thread, in its transaction."""

from __future__ import annotations

import secrets
import sqlite3

import msgspec

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations import tree
from server.conversations.answer_facts import about_of
from server.conversations.reading import messages, row, settings, unknown_message
from server.conversations.titles import title_of
from server.conversations.values import MAX_TITLE, BranchPoint, ConversationSettings, Message, MessageState

MARK = " (branch)"
"""End of a copy's title."""

_MESSAGE = """
    INSERT INTO messages (conversation, id, parent, role, content, created_at, state, about)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_INDEX = "INSERT INTO message_words (rowid, content) SELECT key, indexed(content) FROM messages WHERE conversation = ?"
_LEAF = "UPDATE conversations SET leaf = ? WHERE key = ?"


class Branch(msgspec.Struct, frozen=True):
    """A branch to copy: the title and settings of the copy, and the messages from the first one down."""

    title: str
    settings: ConversationSettings
    messages: tuple[Message, ...]


def branch_at(db: sqlite3.Connection, principal: str, point: BranchPoint) -> Branch:
    """Read the branch that ends with the message of ``point``. Raises RemoteProtocolError: unknown_id;
    unexpected_message while a message of the branch is being written."""
    found = row(db, principal, point.conversation)
    known = {message.id: message for message in messages(db, found.key)}
    if point.message not in known:
        raise unknown_message(found.id, point.message, "branch.message")
    path = tree.path({message.id: message.parent for message in known.values()}, point.message)
    branch = tuple(known[id] for id in path)
    for message in branch:
        if message.state is MessageState.WRITING:
            text = f"message {message.id!r} is still being written: wait for its end, or choose a message above it"
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, text, field="branch.message")
    return Branch(_title_of_copy(found.title), settings(found), branch)


def add_branch(db: sqlite3.Connection, key: int, branch: Branch) -> None:
    """Write copies of the messages, with ids of their own, into the empty conversation ``key``."""
    rows = []
    parent: str | None = None
    for message in branch.messages:
        id, about = secrets.token_hex(8), msgspec.json.encode(about_of(message)).decode()
        rows.append((key, id, parent, message.role, message.content, message.created_at, message.state.value, about))
        parent = id
    db.executemany(_MESSAGE, rows)
    db.execute(_INDEX, (key,))
    db.execute(_LEAF, (parent, key))


def _title_of_copy(title: str) -> str:
    """Return the title with the mark at its end, once, within the longest title."""
    begin = title.removesuffix(MARK)
    return (title_of(begin, MAX_TITLE - len(MARK)) + MARK).strip()
