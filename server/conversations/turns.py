"""One turn of a conversation in the tables: reading its branch, and writing its start. turn_end.py has its end.

Every function runs on the store's thread, in its transaction.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import UNSET
from msgspec.structs import replace

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate, ToolResult
from server.conversations import tool_results, tree
from server.conversations.answer_facts import about_of, beginning
from server.conversations.message_rows import NewMessage, encoded, free_id, insert, is_taken, summary_if_listed
from server.conversations.reading import (
    ConversationRow,
    any_row,
    messages,
    parents,
    row,
    settings,
    summary,
    unknown_message,
)
from server.conversations.titles import title_of
from server.conversations.values import About, ConversationSettings, Message, MessageState, Summary

_CONTINUE = "UPDATE messages SET state = 'writing', generation = ?, about = ? WHERE conversation = ? AND id = ?"
_PUT_BACK = "UPDATE messages SET state = ?, generation = ?, about = ? WHERE conversation = ? AND id = ?"
_TOUCH = "UPDATE conversations SET version = version + 1, updated_at = ?, leaf = ?, title = ? WHERE key = ?"
_REMOVE = "DELETE FROM messages WHERE conversation = ? AND id = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A `generate` in a conversation: the branch it extends, and what it adds.

    ``continued``: the message to continue; None: a new answer. ``parent``: parent of the new messages. ``results``:
    those of the calls in the last message of the branch, in the order of the calls.
    """

    settings: ConversationSettings
    branch: tuple[Message, ...]
    parent: str | None
    content: str | None
    continued: Message | None
    results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStart:
    """Record of the rows written at a turn's start, for undoing it. ``before``: the message before the change."""

    summary: Summary
    message: str
    added: tuple[str, ...]
    before: Message | None
    leaf: str | None
    title: str
    updated_at: int


def turn(db: sqlite3.Connection, principal: str, body: Generate) -> Turn:
    """Resolve ``body`` in its conversation. Raises RemoteProtocolError: unknown_id, or when the request is not
    possible."""
    if body.from_ is not None:
        return _fork_turn(db, principal, body, body.from_.id)
    found, branch = _branch(db, principal, body)
    _refuse_unfinished(branch)
    return _turn(found, branch, body)


def _fork_turn(db: sqlite3.Connection, principal: str, body: Generate, generation: str) -> Turn:
    """Return the turn of an answer beside the message that ``generation`` began (PROTOCOL 6.12)."""
    found = row(db, principal, body.conversation or "")
    message = next((each for each in messages(db, found.key) if each.id == generation), None)
    if message is None or message.role != "assistant" or message.generation is None:
        text = f"from.id: generation {generation!r} has begun no answer of this conversation"
        raise RemoteProtocolError(ErrorCode.UNKNOWN_ID, text, field="from.id")
    return Turn(settings=settings(found), branch=(), parent=message.parent, content=None, continued=None)


def present_turn(db: sqlite3.Connection, principal: str, body: Generate) -> Turn | None:
    """Resolve ``body`` like ``turn``, on a branch whose end may still be written; None when the branch has no message.
    An answer with calls, which can't be continued, gets an empty message after it.

    Raises RemoteProtocolError, as ``turn``.
    """
    found, branch = _branch(db, principal, body)
    if not branch and body.content is None:
        return None
    if body.content is None and branch[-1].tool_calls:
        body = replace(body, content="")
    return _turn(found, branch, body)


def _branch(db: sqlite3.Connection, principal: str, body: Generate) -> tuple[ConversationRow, tuple[Message, ...]]:
    """Return the conversation's row, and its branch down to the parent in ``body``, or else to the leaf."""
    found = row(db, principal, body.conversation or "")
    all_ = {message.id: message for message in messages(db, found.key)}
    parent = found.leaf if body.parent is UNSET else body.parent
    if parent is not None and parent not in all_:
        raise unknown_message(found.id, parent, "parent")
    return found, tuple(all_[id] for id in tree.path({m.id: m.parent for m in all_.values()}, parent))


def _turn(found: ConversationRow, branch: tuple[Message, ...], body: Generate) -> Turn:
    parent = branch[-1].id if branch else None
    turn = Turn(settings=settings(found), branch=branch, parent=parent, content=body.content, continued=None)
    if body.content is not None:
        return turn
    if body.results is not None:
        return dataclasses.replace(turn, results=tool_results.of_calls(branch, body.results))
    last = branch[-1]
    if last.role == "system":
        text = "parent must be a message of the user or a result, to answer again, or an answer, to continue"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, f"{text}; {last.id!r} is a system message", field="parent")
    if last.tool_calls:
        text = "an answer with calls can't be continued; send their `results`, or answer the message above it again"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, f"parent: {text}", field="parent")
    return dataclasses.replace(turn, continued=last if last.role == "assistant" else None)


def begin(
    db: sqlite3.Connection, principal: str, body: Generate, turn: Turn, question: str, now: int, dropped: int = 0
) -> TurnStart:
    """Write the user's message, with the id ``question``, and the empty answer, or mark an answer as continued.

    ``dropped``: messages of the dialogue that the model is not given. Raises RemoteProtocolError: unknown_id when the
    conversation or branch was deleted meanwhile, id_conflict.
    """
    found = row(db, principal, body.conversation or "")
    known = parents(db, found.key)
    if turn.parent is not None and turn.parent not in known:
        raise unknown_message(found.id, turn.parent, "parent")
    answer, about = body.id or "", beginning(turn.continued, dropped)
    if turn.continued:
        db.execute(_CONTINUE, (answer, encoded(about), found.key, turn.continued.id))
        return _begun(
            db, principal, found, turn, now, message=turn.continued.id, added=(), leaf=_leaf(known, found, turn)
        )
    rows = list(_given(db, found.key, turn, question, answer))
    above = rows[-1].id if rows else turn.parent
    rows.append(
        NewMessage(
            id=answer,
            parent=above,
            role="assistant",
            content="",
            state=MessageState.WRITING,
            generation=answer,
            about=about,
        )
    )
    for new in rows:  # one after the other: a client may give the same id twice
        _refuse_taken(db, found, new.id, "message_id" if new.role == "user" else "id")
        insert(db, found.key, [new], now)
    added = tuple(new.id for new in rows)
    return _begun(db, principal, found, turn, now, message=answer, added=added, leaf=answer)


def _given(db: sqlite3.Connection, conversation: int, turn: Turn, question: str, answer: str) -> Iterator[NewMessage]:
    """Yield the messages that the client gives: the user's with the id ``question``, or results, each below the one
    before."""
    if turn.content is not None:
        yield NewMessage(id=question, parent=turn.parent, role="user", content=turn.content)
    above = turn.parent
    for number, result in enumerate(turn.results, start=1):
        id = free_id(db, conversation, tool_results.message_id(answer, number))
        about = About(tool_call_id=result.tool_call_id)
        yield NewMessage(id=id, parent=above, role="tool", content=result.content, about=about)
        above = id


def undo(db: sqlite3.Connection, principal: str, conversation: str, begun: TurnStart) -> Summary | None:
    """Undo ``begin`` when the generation did not start."""
    found = any_row(db, principal, conversation)
    if found is None:
        return None
    for id in reversed(begun.added):
        db.execute(_REMOVE, (found.key, id))
    if before := begun.before:
        about = encoded(about_of(before))
        db.execute(_PUT_BACK, (before.state, before.generation, about, found.key, before.id))
    db.execute(_TOUCH, (begun.updated_at, begun.leaf, begun.title, found.key))
    return summary_if_listed(db, principal, conversation)


def _refuse_unfinished(branch: tuple[Message, ...]) -> None:
    for message in branch:
        if message.state is MessageState.WRITING:
            text = f"message {message.id!r} is still being written: wait for its end, or cancel {message.generation!r}"
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, text, field="parent")


def _refuse_taken(db: sqlite3.Connection, found: ConversationRow, id: str, field: str) -> None:
    if is_taken(db, found.key, id):
        text = f"{field}: conversation {found.id!r} has a message {id!r} already; choose another id"
        raise RemoteProtocolError(ErrorCode.ID_CONFLICT, text, field=field)


def _leaf(known: dict[str, str | None], found: ConversationRow, turn: Turn) -> str | None:
    """Return the leaf after an answer is continued: unchanged when the answer is on the displayed branch."""
    assert turn.continued is not None
    shown = tree.path(known, found.leaf)
    return found.leaf if turn.continued.id in shown else turn.continued.id


def _begun(
    db: sqlite3.Connection,
    principal: str,
    found: ConversationRow,
    turn: Turn,
    now: int,
    *,
    message: str,
    added: tuple[str, ...],
    leaf: str | None,
) -> TurnStart:
    title = found.title or title_of(turn.content or "")
    db.execute(_TOUCH, (now, leaf, title, found.key))
    return TurnStart(
        summary=summary(db, row(db, principal, found.id)),
        message=message,
        added=added,
        before=turn.continued,
        leaf=found.leaf,
        title=found.title,
        updated_at=found.updated_at,
    )
