"""Export of llama-server's web page (llama.cpp).

A `.jsonl` file, or a zip file of several: a line ``{"type": "session", "id", "name", "lastModified", "currNode",
"pinned"?}`` per conversation, then a line ``{"type": "message", "message": {...}}`` per message. Earlier versions wrote
JSON: ``{"conv": {...}, "messages": [...]}``, or a list of these.

A message is ``{"id", "type", "role", "content", "parent", "timestamp", "thinking"?, "reasoningContent"?, "model"?,
"extra"?, "toolCalls"?, "toolCallId"?}``, times in milliseconds. ``type`` is "root" for the empty root, otherwise
"text", "think" or "system". ``extra`` are attachments: their text is imported, those without text are only named.
``toolCalls`` is a JSON text in the form of OpenAI's API. Earlier versions had numbers as ids, and -1 as the parent of
the root.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from protocol.messages import ToolCall
from server.conversations.formats import calls
from server.conversations.formats.draft import ROLES, Draft, DraftMessage, with_system, without
from server.conversations.formats.turn_pieces import attached, named, paragraphs, with_thought
from server.conversations.values import About

_Id = str | int | float | None
_KINDS = {"image": "Image", "audio": "Audio", "video": "Video"}


class _Extra(Struct, frozen=True):
    type: str = ""
    name: str | None = None
    content: str | None = None


class _Message(Struct, frozen=True, kw_only=True):
    id: _Id
    role: str
    content: str | None = ""
    parent: _Id = None
    type: str = "text"
    timestamp: float = 0
    thinking: str | None = None
    reasoningContent: str | None = None
    model: str | None = None
    extra: tuple[_Extra, ...] | None = None
    toolCalls: Any = None
    toolCallId: str | None = None


class _Conversation(Struct, frozen=True, kw_only=True):
    id: _Id = None
    name: str = ""
    lastModified: float = 0
    currNode: _Id = None
    pinned: bool | None = None


class _Export(Struct, frozen=True):
    conv: _Conversation
    messages: tuple[_Message, ...]


def read(item: msgspec.Raw) -> Draft:
    """Read one conversation. Raises BadItemError, msgspec.DecodeError."""
    found = msgspec.json.decode(item, type=_Export)
    ids = {_name(message.id) for message in found.messages}
    messages = [_message(message, ids) for message in found.messages]
    silent = {_name(m.id) for m in found.messages if m.type == "root" or m.role not in ROLES}
    draft = Draft(
        id=_name(found.conv.id) or None,
        title=found.conv.name,
        messages=without(messages, silent),
        leaf=_name(found.conv.currNode),
        created_at=min((m.created_at for m in messages if m.created_at), default=0),
        updated_at=milliseconds(found.conv.lastModified),
        pinned=bool(found.conv.pinned),
    )
    return with_system(draft)


def milliseconds(time: float) -> int:
    """Convert a JavaScript time."""
    return int(time) if 0 < time < 2**53 else 0


def _message(found: _Message, ids: set[str]) -> DraftMessage:
    parent = _name(found.parent)
    thought = found.thinking or found.reasoningContent
    message = DraftMessage(
        id=_name(found.id),
        parent=None if parent in ("", "-1") and parent not in ids else parent,
        role=found.role if found.role in ROLES else "assistant",
        content=with_thought(thought or "", paragraphs((found.content or "", *map(_attachment, found.extra or ())))),
        created_at=milliseconds(found.timestamp),
        about=About(model=found.model, tool_call_id=found.toolCallId or None),
    )
    return calls.with_calls(message, _calls(found.toolCalls)) if found.role == "assistant" else message


def _calls(given: Any) -> tuple[ToolCall, ...]:
    """Return the calls of a message, which are a JSON text in the form of OpenAI's API."""
    if not isinstance(given, str):
        return calls.listed(given)
    try:
        return calls.listed(msgspec.json.decode(given))
    except (msgspec.DecodeError, RecursionError):
        return ()


def _attachment(extra: _Extra) -> str:
    name = extra.name or extra.type
    if extra.content:
        return attached(name, extra.content)
    if not extra.name:
        return ""
    kind = extra.type.lower()
    return named(next((word for start, word in _KINDS.items() if kind.startswith(start)), "Attachment"), extra.name)


def _name(id: _Id) -> str:
    return "" if id is None else str(int(id)) if isinstance(id, float) and id.is_integer() else str(id)
