"""Claude's export: `conversations.json`, or the zip file with it.

A list of ``{"uuid", "name", "created_at", "updated_at", "chat_messages": [...]}``, times in ISO 8601. A message is
``{"uuid", "sender": "human" or "assistant", "text", "content": [{"type": "text" or "thinking" or "tool_use" or ...}],
"attachments": [{"file_name", "extracted_content"}], "files": [{"file_name"}], "parent_message_uuid"?}``. Without
parents the messages form a chain. Documents that the assistant wrote (artifacts) are imported; images and other files
are only named in the text; other tool calls and their results are put into thoughts.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from server.conversations.formats.draft import Draft
from server.conversations.formats.turn_pieces import (
    Node,
    attached,
    called,
    fenced,
    joined,
    milliseconds,
    named,
    paragraphs,
    returned,
)

_DOCUMENT = ("content", "file_text", "new_str")
_NAMES = ("title", "path", "id")
_WRITES_DOCUMENTS = ("artifacts",)
"""Tools whose results only say that a document was written."""


class _Message(Struct, frozen=True, kw_only=True):
    uuid: str
    sender: str
    text: str | None = None
    content: list[dict[str, Any]] | None = None
    created_at: str | None = None
    attachments: list[dict[str, Any]] | None = None
    files: list[dict[str, Any]] | None = None
    files_v2: list[dict[str, Any]] | None = None
    parent_message_uuid: str | None = None


class _Conversation(Struct, frozen=True, kw_only=True):
    chat_messages: tuple[_Message, ...]
    uuid: str | None = None
    name: str | None = None
    model: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    is_starred: bool | None = None
    current_leaf_message_uuid: str | None = None


def read(item: msgspec.Raw) -> Draft:
    """Read one conversation. Raises BadItemError, msgspec.DecodeError."""
    found = msgspec.json.decode(item, type=_Conversation)
    branched = any(message.parent_message_uuid for message in found.chat_messages)
    nodes: list[Node] = []
    for message in found.chat_messages:
        before = nodes[-1].id if nodes else None
        nodes.append(_node(message, message.parent_message_uuid if branched else before, found.model))
    messages, leaf = joined(nodes, found.current_leaf_message_uuid or (nodes[-1].id if nodes else None))
    return Draft(
        id=found.uuid,
        title=found.name or "",
        messages=messages,
        leaf=leaf,
        created_at=milliseconds(found.created_at),
        updated_at=milliseconds(found.updated_at),
        pinned=bool(found.is_starred),
    )


def _node(found: _Message, parent: str | None, model: str | None) -> Node:
    blocks = found.content or []
    said = paragraphs(_block(block) for block in blocks) or found.text or ""
    human = found.sender == "human"
    return Node(
        id=found.uuid,
        parent=parent,
        role="user" if human else "assistant",
        content=paragraphs((said, *_attachments(found))),
        thought=paragraphs(map(_thought, blocks)),
        created_at=milliseconds(found.created_at),
        model=None if human else model,
    )


def _block(block: dict[str, Any]) -> str:
    match block.get("type"):
        case "text":
            return _string(block, "text")
        case "tool_use":
            return _document(block.get("input"))
        case "image" | "document" as kind:
            return named(str(kind).capitalize(), block.get("file_name"))
    return ""


def _thought(block: dict[str, Any]) -> str:
    """Return a thought, a call of a tool that wrote no document, or its result."""
    name = _string(block, "name") or "tool"
    match block.get("type"):
        case "thinking":
            return _string(block, "thinking")
        case "tool_use" if not _document(block.get("input")):
            return called(name, _as_json(block.get("input")))
        case "tool_result" if name not in _WRITES_DOCUMENTS:
            return returned(name, _result(block.get("content")))
    return ""


def _as_json(value: Any) -> str:
    return "" if value is None else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _result(content: Any) -> str:
    """Return the texts of a result; other blocks, such as search hits, as JSON."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return paragraphs(_string(one, "text") if _is_text(one) else _as_json(one) for one in blocks)


def _is_text(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "text"


def _document(given: Any) -> str:
    """Return the text of a document that the assistant wrote with a tool."""
    if not isinstance(given, dict):
        return ""
    text = next((given[name] for name in _DOCUMENT if isinstance(given.get(name), str)), "")
    name = next((given[name] for name in _NAMES if isinstance(given.get(name), str)), "document")
    language = given.get("language")
    return attached(name, fenced(text, language if isinstance(language, str) else "")) if text else ""


def _attachments(found: _Message) -> list[str]:
    texts, files = found.attachments or [], [*(found.files or []), *(found.files_v2 or [])]
    lines = [_attachment(one) for one in texts]
    names = dict.fromkeys(_string(one, "file_name") for one in files)
    return [*lines, *(named("Attachment", name) for name in names)]


def _attachment(one: dict[str, Any]) -> str:
    name, text = _string(one, "file_name"), _string(one, "extracted_content")
    return attached(name or "attachment", text) if text else named("Attachment", name)


def _string(block: dict[str, Any], name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""
