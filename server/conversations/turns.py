"""One turn of a conversation in the tables: reading its branch, and writing its start and end.

Every function runs on the store's thread, in its transaction.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Done, Generate
from server.conversations import tree
from server.conversations.answer_facts import about_of, beginning, ended
from server.conversations.reading import (
    ConversationRow,
    Writing,
    any_row,
    is_listed,
    messages,
    parents,
    row,
    settings,
    summary,
    unknown,
    unknown_message,
)
from server.conversations.thoughts import thought_times
from server.conversations.titles import title_of
from server.conversations.values import STATES, About, ConversationSettings, Message, MessageState, Summary
from server.generations.log import Part

_INSERT = """
    INSERT INTO messages (conversation, id, parent, role, content, created_at, state, generation, about)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INDEX = "INSERT INTO message_words (rowid, content) VALUES (last_insert_rowid(), indexed(?))"
_CONTINUE = "UPDATE messages SET state = 'writing', generation = ?, about = ? WHERE conversation = ? AND id = ?"
_PUT_BACK = "UPDATE messages SET state = ?, generation = ?, about = ? WHERE conversation = ? AND id = ?"
_TOUCH = "UPDATE conversations SET version = version + 1, updated_at = ?, leaf = ?, title = ? WHERE key = ?"
_ENDING = """
    SELECT id, content, about FROM messages WHERE conversation = ? AND generation = ? AND state = 'writing'
"""
_END = "UPDATE messages SET content = ?, state = ?, about = ? WHERE conversation = ? AND id = ?"
_REMOVE = "DELETE FROM messages WHERE conversation = ? AND id = ?"
_LEAF = "UPDATE conversations SET leaf = ? WHERE key = ?"
_CHANGED = "UPDATE conversations SET version = version + 1, updated_at = ? WHERE key = ?"


MAX_ID = 64
"""Most characters of a message's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A `generate` in a conversation: the branch it extends, and what it adds.

    ``continued``: the message to continue; None: a new answer. ``parent``: parent of the new messages.
    """

    settings: ConversationSettings
    branch: tuple[Message, ...]
    parent: str | None
    content: str | None
    continued: Message | None


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
    found, branch = _branch(db, principal, body)
    _refuse_unfinished(branch)
    return _turn(found, branch, body.content)


def present_turn(db: sqlite3.Connection, principal: str, body: Generate) -> Turn | None:
    """Resolve ``body`` like ``turn``, on a branch whose end may still be written; None when the branch has no message.

    Raises RemoteProtocolError, as ``turn``.
    """
    found, branch = _branch(db, principal, body)
    return _turn(found, branch, body.content) if branch or body.content is not None else None


def _branch(db: sqlite3.Connection, principal: str, body: Generate) -> tuple[ConversationRow, tuple[Message, ...]]:
    """Return the conversation's row, and its branch down to the parent in ``body``, or else to the leaf."""
    found = row(db, principal, body.conversation or "")
    all_ = {message.id: message for message in messages(db, found.key)}
    parent = found.leaf if body.parent is UNSET else body.parent
    if parent is not None and parent not in all_:
        raise unknown_message(found.id, parent, "parent")
    return found, tuple(all_[id] for id in tree.path({m.id: m.parent for m in all_.values()}, parent))


def _turn(found: ConversationRow, branch: tuple[Message, ...], content: str | None) -> Turn:
    parent = branch[-1].id if branch else None
    if content is not None:
        return Turn(settings=settings(found), branch=branch, parent=parent, content=content, continued=None)
    last = branch[-1]
    if last.role == "system":
        text = "parent must be a message of the user, to answer again, or an answer, to continue"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, f"{text}; {last.id!r} is a system message", field="parent")
    continued = last if last.role == "assistant" else None
    return Turn(settings=settings(found), branch=branch, parent=parent, content=None, continued=continued)


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
    answer, about = body.id or "", _json(beginning(turn.continued, dropped))
    if turn.continued:
        db.execute(_CONTINUE, (answer, about, found.key, turn.continued.id))
        return _begun(
            db, principal, found, turn, now, message=turn.continued.id, added=(), leaf=_leaf(known, found, turn)
        )
    rows: list[tuple[str | None, ...]] = []
    if turn.content is not None:
        rows.append((question, turn.parent, "user", turn.content, "done", None, "{}"))
    rows.append((answer, question if rows else turn.parent, "assistant", "", "writing", answer, about))
    for id, parent, role, content, state, generation, facts in rows:
        _refuse_taken(db, found, str(id), "message_id" if role == "user" else "id")
        db.execute(_INSERT, (found.key, id, parent, role, content, now, state, generation, facts))
        db.execute(_INDEX, (content,))
    added = tuple(str(values[0]) for values in rows)
    return _begun(db, principal, found, turn, now, message=answer, added=added, leaf=answer)


def undo(db: sqlite3.Connection, principal: str, conversation: str, begun: TurnStart) -> Summary | None:
    """Undo ``begin`` when the generation did not start."""
    found = any_row(db, principal, conversation)
    if found is None:
        return None
    for id in reversed(begun.added):
        db.execute(_REMOVE, (found.key, id))
    if before := begun.before:
        about = _json(about_of(before))
        db.execute(_PUT_BACK, (before.state, before.generation, about, found.key, before.id))
    db.execute(_TOUCH, (begun.updated_at, begun.leaf, begun.title, found.key))
    return _summary_if_listed(db, principal, conversation)


def end(
    db: sqlite3.Connection,
    what: Writing,
    parts: Sequence[Part],
    done: Done | None,
    model: str | None,
    now: int,
) -> Summary | None:
    """Write the text of an ended generation into its message; ``done`` None: the generation was lost.

    ``parts``: an answer that was steered has several, which become messages of their own below it, each below its
    instruction.

    Changes nothing when it was written before or the conversation was purged. Returns None when no client must be
    notified.
    """
    found = any_row(db, what.principal, what.conversation)
    ending = None if found is None else db.execute(_ENDING, (found.key, what.generation)).fetchone()
    if found is None or ending is None:
        return None
    id, content, about = ending
    begun = msgspec.json.decode(about, type=About)
    end = STATES[done.reason] if done else MessageState.INTERRUPTED
    *steered, _ = parts
    states, facts = [MessageState.DONE] * len(steered) + [end], [About(model=model)] * len(parts)
    facts[0] = replace(begun, model=model)
    facts[-1] = ended(facts[-1], done, model)
    thoughts = thought_times(content, parts[0].text, parts[0].arrivals, begun.thoughts or ())
    first = _json(replace(facts[0], thoughts=thoughts or None))
    db.execute(_END, (content + parts[0].text, states[0], first, found.key, id))
    last = id
    for part, state, about_part in zip(parts[1:], states[1:], facts[1:], strict=True):
        last = _add_part(db, found.key, last, what.generation, part, state, about_part, now)
    _move_leaf(db, found, id, last)
    db.execute(_CHANGED, (now, found.key))
    return _summary_if_listed(db, what.principal, what.conversation)


def _add_part(
    db: sqlite3.Connection,
    conversation: int,
    above: str,
    generation: str,
    part: Part,
    state: MessageState,
    about: About,
    now: int,
) -> str:
    """Add an instruction below the message ``above``, and the text that follows it; return the id of the latter."""
    thoughts = thought_times("", part.text, part.arrivals)
    known = parents(db, conversation)
    question, answer = (_free(id, known) for id in steered_ids(generation, part.seq))
    rows = (
        (question, above, "user", part.instruction or "", "done", None, "{}"),
        (answer, question, "assistant", part.text, state, generation, _json(replace(about, thoughts=thoughts or None))),
    )
    for id, parent, role, content, its_state, its_generation, facts in rows:
        db.execute(_INSERT, (conversation, id, parent, role, content, now, its_state, its_generation, facts))
        db.execute(_INDEX, (content,))
    return answer


def steered_ids(generation: str, seq: int) -> tuple[str, str]:
    """Return the ids of an instruction's message, and of the answer after it (PROTOCOL 14.2)."""
    return f"{generation}-{seq}", f"{generation}-{seq}-answer"


def _free(id: str, known: Collection[str]) -> str:
    return id if len(id) <= MAX_ID and id not in known else secrets.token_hex(16)


def _move_leaf(db: sqlite3.Connection, found: ConversationRow, begun: str, end: str) -> None:
    """Display the branch down to ``end`` if the message ``begun`` is displayed."""
    if begun != end and begun in tree.path(parents(db, found.key), found.leaf):
        db.execute(_LEAF, (end, found.key))


def _refuse_unfinished(branch: tuple[Message, ...]) -> None:
    for message in branch:
        if message.state is MessageState.WRITING:
            text = f"message {message.id!r} is still being written: wait for its end, or cancel {message.generation!r}"
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, text, field="parent")


def _refuse_taken(db: sqlite3.Connection, found: ConversationRow, id: str, field: str) -> None:
    if db.execute("SELECT 1 FROM messages WHERE conversation = ? AND id = ?", (found.key, id)).fetchone():
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


def _summary_if_listed(db: sqlite3.Connection, principal: str, conversation: str) -> Summary | None:
    found = any_row(db, principal, conversation)
    if found is None:
        raise unknown(conversation)
    return summary(db, found) if is_listed(db, found) else None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
