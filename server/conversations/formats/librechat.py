"""LibreChat's JSON export of one conversation.

``{"conversationId", "title", "exportAt", "recursive", "options": {"model"?, "promptPrefix"?, "system"?}, "messages":
[...]}``; older versions call the messages ``messagesTree``. A message is ``{"messageId", "parentMessageId", "text",
"content"?: [{"type": "text" or "think" or ...}], "isCreatedByUser", "sender", "createdAt", "model", "files"?,
"children"?}``; with ``recursive`` each has its answers in ``children``. Images and other files are only named in the
text. Calls of functions and their results are parts of the type ``tool_call``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Struct

from protocol.messages import ToolCall
from server.conversations.formats import calls
from server.conversations.formats.draft import Draft, settings_of
from server.conversations.formats.turn_pieces import Node, joined, milliseconds, named, paragraphs, with_thought


class _Message(Struct, frozen=True, kw_only=True):
    messageId: str
    parentMessageId: str | None = None
    text: str | None = None
    content: list[Any] | str | None = None
    isCreatedByUser: bool | None = None
    sender: str | None = None
    createdAt: str | float | None = None
    model: str | None = None
    files: list[dict[str, Any]] | None = None
    attachments: list[dict[str, Any]] | None = None
    children: tuple[_Message, ...] = ()


class _Conversation(Struct, frozen=True, kw_only=True):
    conversationId: str | None = None
    title: str | None = None
    exportAt: str | None = None
    createdAt: str | float | None = None
    updatedAt: str | float | None = None
    options: dict[str, Any] | None = None
    messages: tuple[_Message, ...] | None = None
    messagesTree: tuple[_Message, ...] | None = None


def read(item: msgspec.Raw) -> Draft:
    """Read one conversation. Raises BadItemError, msgspec.DecodeError."""
    found = msgspec.json.decode(item, type=_Conversation)
    options = found.options or {}
    nodes, steps = _nodes(found.messages or found.messagesTree or (), options)
    messages, leaf = joined(nodes, _newest(nodes))
    messages = tuple(calls.expanded(messages, steps))
    times = [message.created_at for message in messages if message.created_at]
    return Draft(
        id=found.conversationId,
        title=found.title or "",
        messages=messages,
        leaf=leaf,
        created_at=milliseconds(found.createdAt) or min(times, default=0),
        updated_at=milliseconds(found.updatedAt) or max(times, default=0) or milliseconds(found.exportAt),
        settings=settings_of(_string(options, "system") or _string(options, "promptPrefix") or None),
    )


def _newest(nodes: Sequence[Node]) -> str | None:
    """Return the newest message; if some lack a time, the last one in the file."""
    if not nodes or not all(node.created_at for node in nodes):
        return nodes[-1].id if nodes else None
    return nodes[max(range(len(nodes)), key=lambda at: (nodes[at].created_at, at))].id


def _nodes(messages: Sequence[_Message], options: dict[str, Any]) -> tuple[list[Node], dict[str, list[calls.Step]]]:
    """Return all messages, including nested ones, and the steps of those with calls."""
    nodes: list[Node] = []
    all_steps: dict[str, list[calls.Step]] = {}
    left = [(message, message.parentMessageId) for message in reversed(messages)]
    while left:
        message, parent = left.pop()
        node = _node(message, parent, options)
        if node.role == "assistant" and (steps := _steps(message)):
            all_steps[node.id] = steps
            node = replace(node, content=node.content or "(calls)", is_alone=True)
        nodes.append(node)
        left += [(child, message.messageId) for child in reversed(message.children)]
    return nodes, all_steps


def _steps(found: _Message) -> list[calls.Step]:
    """Return the steps of an answer; none without a valid call."""
    steps, thought = [calls.Step()], ""
    for part in found.content if isinstance(found.content, list) else ():
        made = _call(part)
        thought = paragraphs((thought, _text(part, "think")))
        said = _part(part)
        if steps[-1].calls and (said or thought):
            steps.append(calls.Step())
        if said or made:
            steps[-1].text = paragraphs((steps[-1].text, with_thought(thought, said)))
            thought = ""
        if made:
            one, result = made
            steps[-1].calls.append(one)
            if result is not None:
                steps[-1].results[one.id] = result
    return steps if any(step.calls for step in steps) else []


def _call(part: Any) -> tuple[ToolCall, str | None] | None:
    """Return a call and its result, if it has one."""
    given = part.get("tool_call") if isinstance(part, dict) else None
    if not isinstance(given, dict):
        return None
    inner = given.get("function")
    function = inner if isinstance(inner, dict) else given
    arguments = function.get("arguments") if function is inner else given.get("args")
    one = calls.call(given.get("id"), function.get("name"), arguments)
    output = function.get("output", given.get("output"))
    return None if one is None else (one, None if output is None else calls.as_text(output))


def _node(found: _Message, parent: str | None, options: dict[str, Any]) -> Node:
    human = (found.sender or "").lower() == "user" if found.isCreatedByUser is None else found.isCreatedByUser
    parts = found.content if isinstance(found.content, list) else []
    text = found.content if isinstance(found.content, str) else found.text or ""
    said = paragraphs(_part(part) for part in parts) or text
    files = [*(found.files or []), *(found.attachments or [])]
    names = (named("Attachment", one.get("filename") or one.get("name")) for one in files)
    return Node(
        id=found.messageId,
        parent=parent,
        role="user" if human else "assistant",
        content=paragraphs((said, *dict.fromkeys(names))),
        thought=paragraphs(_text(part, "think") for part in parts),
        created_at=milliseconds(found.createdAt),
        model=None if human else found.model or _string(options, "model") or None,
    )


def _part(part: Any) -> str:
    match part.get("type") if isinstance(part, dict) else None:
        case "text":
            return _text(part, "text")
        case "image_file" | "image_url":
            inner = part.get("image_file")
            return named("Image", inner.get("filename") if isinstance(inner, dict) else None)
        case "error":
            return _text(part, "error")
    return ""


def _text(part: Any, name: str) -> str:
    """Return a part's text; some versions have ``{"value"}``."""
    value = part.get(name) if isinstance(part, dict) and part.get("type") == name else None
    if isinstance(value, dict):
        value = value.get("value")
    return value if isinstance(value, str) else ""


def _string(options: dict[str, Any], name: str) -> str:
    value = options.get(name)
    return value if isinstance(value, str) else ""
