"""Conversion of turns that other programs split into pieces (thoughts, text, files, tool calls) into messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from server.conversations.formats.draft import DraftMessage, parents_first, without
from server.conversations.values import About


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One piece of a conversation as in the file. ``role`` None, or no text: the piece is dropped. ``is_alone``: it is
    not joined with other pieces."""

    id: str
    parent: str | None
    role: str | None
    content: str = ""
    thought: str = ""
    created_at: int = 0
    model: str | None = None
    is_alone: bool = False


@dataclass(slots=True)
class _Turn:
    """A message being built from the pieces ``nodes``; it has the id of the first."""

    nodes: list[Node]

    def message(self, parent: str | None) -> DraftMessage:
        first = self.nodes[0]
        thought = "\n\n".join(node.thought for node in self.nodes if node.thought)
        content = "\n\n".join(node.content for node in self.nodes if node.content)
        model = next((node.model for node in reversed(self.nodes) if node.model), None)
        return DraftMessage(
            id=first.id,
            parent=parent,
            role=first.role or "",
            content=with_thought(thought, content),
            created_at=next((node.created_at for node in self.nodes if node.created_at), 0),
            about=About(model=model),
        )


def with_thought(thought: str, content: str) -> str:
    """Return an answer's text with the model's thinking, if there is any, before it.

    A closing mark inside the thinking is written as code, where it ends nothing.
    """
    if not thought.strip():
        return content
    return f"<think>\n{thought.strip().replace('</think>', '`</think>`')}\n</think>\n\n{content}"


def joined(nodes: Sequence[Node], leaf: str | None) -> tuple[tuple[DraftMessage, ...], str | None]:
    """Build the messages from ``nodes``, and return the one that now has ``leaf``. Raises BadItemError when they form
    no tree.

    Branches of dropped nodes move to the node above. Consecutive pieces of one answer without a branch become one
    message.
    """
    by_id = {node.id: node for node in nodes}
    bare = [_bare(node, by_id) for node in nodes]
    dropped = {node.id for node in nodes if node.role is None or not (node.content.strip() or node.thought.strip())}
    above = {message.id: message.parent for message in without(bare, dropped)}
    children: dict[str | None, int] = {}
    for parent in above.values():
        children[parent] = children.get(parent, 0) + 1

    turns: dict[str, _Turn] = {}
    for id in parents_first(above):
        parent = above[id]
        if parent and children[parent] == 1 and _are_joined(by_id[id], by_id[parent]):
            turns[id] = turns[parent]
            turns[id].nodes.append(by_id[id])
        else:
            turns[id] = _Turn([by_id[id]])
    heads = {id: turn.nodes[0].id for id, turn in turns.items()}
    messages = tuple(
        turns[id].message(heads[parent] if parent else None) for id, parent in above.items() if heads[id] == id
    )
    return messages, _leaf(leaf, by_id, heads)


def _are_joined(node: Node, above: Node) -> bool:
    return node.role == above.role == "assistant" and not node.is_alone and not above.is_alone


def milliseconds(time: Any) -> int:
    """Convert a time to milliseconds since the Unix epoch, from seconds, milliseconds, nanoseconds or ISO 8601; 0:
    none."""
    if isinstance(time, str):
        return _iso(time)
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 < time < 1e19:
        return 0
    return int(time / 1e6) if time > 1e16 else int(time) if time > 1e11 else int(time * 1000)


def named(kind: str, name: Any = None) -> str:
    """Return a line that names content that can't be imported, such as an image."""
    return f"[{kind}: {name}]" if isinstance(name, str) and name.strip() else f"[{kind}]"


def fenced(text: str, language: str = "") -> str:
    """Return ``text`` as a code block."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def called(name: str, arguments: str) -> str:
    """Return a call of another program's tool as text. It belongs into a thought, which the page folds."""
    return f"**Call: {name}**\n\n{fenced(arguments)}" if arguments.strip() else f"**Call: {name}**"


def returned(name: str, result: str) -> str:
    """Return the result of such a call as text for a thought; nothing for one without text."""
    return f"**Result: {name}**\n\n{fenced(result)}" if result.strip() else ""


def attached(name: str, text: str) -> str:
    """Return the text of an attached file with its name."""
    return f"--- {name} ---\n{text}"


def paragraphs(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _iso(time: str) -> int:
    try:
        found = datetime.fromisoformat(time)
    except ValueError:
        return 0
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return max(0, int(found.timestamp() * 1000))


def _bare(node: Node, by_id: Mapping[str, Node]) -> DraftMessage:
    """Return ``node`` with only its place in the tree. A parent missing from the file becomes None."""
    parent = node.parent if node.parent in by_id else None
    return DraftMessage(id=node.id, parent=parent, role="user", content="")


def _leaf(leaf: str | None, by_id: Mapping[str, Node], heads: Mapping[str, str]) -> str | None:
    """Return the message that contains ``leaf``, or the nearest node above it."""
    while leaf is not None and leaf not in heads and leaf in by_id:
        leaf = by_id[leaf].parent
    return heads.get(leaf) if leaf is not None else None
