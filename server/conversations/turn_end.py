"""The end of a turn in the tables: an answer is stored when its generation has ended.

Every function runs on the store's thread, in its transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from protocol.messages import Done
from server.conversations import tree
from server.conversations.answer_facts import ended
from server.conversations.message_rows import NewMessage, encoded, free_id, insert, summary_if_listed
from server.conversations.reading import ConversationRow, Writing, any_row, parents
from server.conversations.thoughts import thought_times
from server.conversations.values import STATES, About, MessageState, Summary
from server.generations.log import Part

_ENDING = """
    SELECT id, content, about FROM messages WHERE conversation = ? AND generation = ? AND state = 'writing'
"""
_DELETE_LIKE = """
    UPDATE messages SET (deleted_at, deleted_with) = (
        SELECT deleted_at, deleted_with FROM messages WHERE conversation = :conversation AND id = :like
    ) WHERE conversation = :conversation AND id = :id
"""
_END = "UPDATE messages SET content = ?, state = ?, about = ? WHERE conversation = ? AND id = ?"
_LEAF = "UPDATE conversations SET leaf = ? WHERE key = ?"
_CHANGED = "UPDATE conversations SET version = version + 1, updated_at = ? WHERE key = ?"


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
    instruction. If the answer was deleted meanwhile, they are deleted with it.

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
    facts[0] = replace(begun, model=model, dropped=begun.dropped or (done.dropped if done else None))
    facts[-1] = ended(facts[-1], done, model)
    thoughts = thought_times(content, parts[0].text, parts[0].arrivals, begun.thoughts or ())
    first = encoded(replace(facts[0], thoughts=thoughts or None))
    db.execute(_END, (content + parts[0].text, states[0], first, found.key, id))
    added = [id]
    for part, state, about_part in zip(parts[1:], states[1:], facts[1:], strict=True):
        added += _add_part(db, found.key, added[-1], what.generation, part, state, about_part, now)
    db.executemany(_DELETE_LIKE, [{"conversation": found.key, "like": id, "id": part} for part in added[1:]])
    _move_leaf(db, found, id, added[-1])
    db.execute(_CHANGED, (now, found.key))
    return summary_if_listed(db, what.principal, what.conversation)


def _add_part(
    db: sqlite3.Connection,
    conversation: int,
    above: str,
    generation: str,
    part: Part,
    state: MessageState,
    about: About,
    now: int,
) -> tuple[str, str]:
    """Add an instruction below the message ``above``, and the text that follows it; return the ids of both."""
    thoughts = thought_times("", part.text, part.arrivals)
    question, answer = (free_id(db, conversation, id) for id in steered_ids(generation, part.seq))
    facts = replace(about, thoughts=thoughts or None)
    rows = (
        NewMessage(id=question, parent=above, role="user", content=part.instruction or ""),
        NewMessage(
            id=answer,
            parent=question,
            role="assistant",
            content=part.text,
            state=state,
            generation=generation,
            about=facts,
        ),
    )
    insert(db, conversation, rows, now)
    return question, answer


def steered_ids(generation: str, seq: int) -> tuple[str, str]:
    """Return the ids of an instruction's message, and of the answer after it (PROTOCOL 14.2)."""
    return f"{generation}-{seq}", f"{generation}-{seq}-answer"


def _move_leaf(db: sqlite3.Connection, found: ConversationRow, begun: str, end: str) -> None:
    """Display the branch down to ``end`` if the message ``begun`` is displayed."""
    if begun != end and begun in tree.path(parents(db, found.key), found.leaf):
        db.execute(_LEAF, (end, found.key))
