"""ChatGPT's export: `conversations.json`, or a zip file with it; since 2025 split into several numbered files.

A list of ``{"conversation_id", "title", "create_time", "update_time", "current_node", "mapping": {id: {"message",
"parent"}}}``, times in seconds. A message is ``{"author": {"role"}, "content": {"content_type", ...}, "recipient",
"metadata": {"attachments": [{"id", "name"}], "is_visually_hidden_from_conversation", "model_slug"}}``; one turn of the
assistant is a chain of them. Text, code, its output, documents (canvas) and thoughts are imported; images, audio and
other files are only named in the text. Other tool calls and their results are put into thoughts. Hidden messages are
dropped.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from msgspec import Struct

from server.conversations.formats.draft import Draft, with_system
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

_HIDDEN: Final = "is_visually_hidden_from_conversation"
_CITATION: Final = re.compile("\ue200.*?\ue201|[\ue200-\ue206]", re.DOTALL)
_NOT_SAID: Final = ("reasoning_recap", "user_editable_context", "model_editable_context", "system_error")
_RUNS_CODE: Final = "python"
_WRITES_DOCUMENTS: Final = "canmore"


class _Author(Struct, frozen=True):
    role: str | None = None
    name: str | None = None


class _Message(Struct, frozen=True, kw_only=True):
    author: _Author = _Author()
    content: dict[str, Any] | None = None
    create_time: float | None = None
    metadata: dict[str, Any] | None = None
    recipient: str | None = None


class _Entry(Struct, frozen=True, kw_only=True):
    message: _Message | None = None
    parent: str | None = None


class _Conversation(Struct, frozen=True, kw_only=True):
    mapping: dict[str, _Entry]
    conversation_id: str | None = None
    id: str | None = None
    title: str | None = None
    create_time: float | str | None = None
    update_time: float | str | None = None
    current_node: str | None = None
    is_starred: bool | None = None


def read(item: msgspec.Raw) -> Draft:
    """Read one conversation. Raises BadItemError, msgspec.DecodeError."""
    found = msgspec.json.decode(item, type=_Conversation)
    messages, leaf = joined([_node(id, entry) for id, entry in found.mapping.items()], found.current_node)
    draft = Draft(
        id=found.conversation_id or found.id,
        title=found.title or "",
        messages=messages,
        leaf=leaf,
        created_at=milliseconds(found.create_time),
        updated_at=milliseconds(found.update_time),
        pinned=bool(found.is_starred),
    )
    return with_system(draft)


def _node(id: str, entry: _Entry) -> Node:
    message = entry.message
    metadata = (message.metadata if message else None) or {}
    if message is None or metadata.get(_HIDDEN) or not message.content:
        return Node(id=id, parent=entry.parent, role=None)
    model = metadata.get("model_slug")
    role, said = message.author.role, _said(message, message.content, metadata)
    return Node(
        id=id,
        parent=entry.parent,
        role=role if role in ("user", "system") else "assistant",
        content=_CITATION.sub("", said).strip("\n"),
        thought=_thoughts(message.content) or (_tool(message, message.content) if not said else ""),
        created_at=milliseconds(message.create_time),
        model=model if isinstance(model, str) and role == "assistant" else None,
    )


def _said(message: _Message, content: dict[str, Any], metadata: dict[str, Any]) -> str:
    kind, to = content.get("content_type"), message.recipient or "all"
    if kind in _NOT_SAID or kind == "thoughts":
        return ""
    if message.author.role == "tool":
        return _returned(kind, content, metadata)
    if to.startswith(_WRITES_DOCUMENTS):
        return _document(_text(content, {}))
    if kind == "code" or to == _RUNS_CODE:
        language = content.get("language")
        known = language if isinstance(language, str) and language != "unknown" else to
        return fenced(_text(content, {}), known) if to in ("all", _RUNS_CODE) else ""
    if to != "all":
        return ""
    return paragraphs((_text(content, _names(metadata)), *_files(content, metadata)))


def _returned(kind: Any, content: dict[str, Any], metadata: dict[str, Any]) -> str:
    """Return the part of a tool's result that the user saw: output of code, and images."""
    if kind == "execution_output":
        return fenced(_text(content, {}))
    pictures = [part for part in content.get("parts") or () if isinstance(part, dict)]
    return paragraphs(_part(part, _names(metadata)) for part in pictures) if kind == "multimodal_text" else ""


def _tool(message: _Message, content: dict[str, Any]) -> str:
    """Return the call of a tool, or its result, as text for a thought; nothing for other messages."""
    if content.get("content_type") in _NOT_SAID:
        return ""
    if message.author.role == "tool":
        return returned(message.author.name or "tool", _text(content, {}))
    to = message.recipient or "all"
    return called(to, _text(content, {})) if message.author.role == "assistant" and to != "all" else ""


def _document(call: str) -> str:
    """Return the text of a document that the assistant wrote beside the chat (canvas)."""
    try:
        document = msgspec.json.decode(call)
    except msgspec.DecodeError:
        return ""
    if not isinstance(document, dict) or not isinstance(document.get("content"), str):
        return ""
    return attached(str(document.get("name") or "document"), document["content"])


def _thoughts(content: dict[str, Any]) -> str:
    thoughts = content.get("thoughts")
    if content.get("content_type") != "thoughts" or not isinstance(thoughts, list):
        return ""
    return paragraphs(_thought(one) for one in thoughts if isinstance(one, dict))


def _thought(one: dict[str, Any]) -> str:
    summary, text = _words(one.get("summary")), _words(one.get("content"))
    return paragraphs((f"**{summary}**" if summary else "", text))


def _words(value: Any) -> str:
    """Return a text; in some versions of the format it is a list of parts."""
    parts = value if isinstance(value, list) else [value]
    return paragraphs(part if isinstance(part, str) else _part(part, {}) for part in parts if part)


def _text(content: dict[str, Any], names: dict[str, str]) -> str:
    parts = content.get("parts")
    if not isinstance(parts, list):
        parts = [content.get("text"), content.get("result")]
    return paragraphs(_part(part, names) for part in parts)


def _part(part: Any, names: dict[str, str]) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return ""
    kind = str(part.get("content_type") or "")
    if isinstance(text := part.get("text"), str):  # a transcription of speech
        return text
    if "audio" in kind or "video" in kind:
        return ""  # the transcription is a separate part
    pointer = part.get("asset_pointer")
    if kind.startswith("image") or pointer:
        return named("Image", names.get(_file_id(pointer)))
    return named("Attachment", part.get("name"))


def _files(content: dict[str, Any], metadata: dict[str, Any]) -> list[str]:
    """Return a line for each attachment that no part of the message shows."""
    parts = content.get("parts")
    shown = {_file_id(part.get("asset_pointer")) for part in parts or () if isinstance(part, dict)}
    return [named("Attachment", name) for id, name in _names(metadata).items() if id not in shown]


def _names(metadata: dict[str, Any]) -> dict[str, str]:
    """Return the names of the attachments, by id."""
    attachments = metadata.get("attachments")
    found = (one for one in attachments if isinstance(one, dict)) if isinstance(attachments, list) else ()
    return {str(one.get("id")): str(one.get("name") or "") for one in found}


def _file_id(pointer: Any) -> str:
    return str(pointer).rpartition("//")[2]
