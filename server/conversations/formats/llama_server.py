"""What the web page of llama.cpp's llama-server exports, from the IndexedDB in which it keeps conversations.

``{"conv": {"id", "name", "lastModified", "currNode"}, "messages": [...]}``, or a list of these. A message is ``{"id",
"convId", "type", "role", "content", "parent", "children", "timestamp", "thinking"?, "reasoningContent"?, "model"?,
"extra"?}``, times in milliseconds. ``type`` is "root" for the one at the root, which says nothing; "text", "think" or
"system" otherwise. ``extra`` are attachments: of ``{"type": "textFile" or "pdfFile" or "context", "name"?, "content"}``
the text is taken over, images and audio are not. Earlier versions had numbers as ids, and -1 as the parent of the root.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from server.conversations.formats.draft import ROLES, Draft, DraftMessage, with_system, without
from server.conversations.values import About

_Id = str | int | float | None
_TEXTS = ("textFile", "pdfFile", "context")


class _Extra(Struct, frozen=True):
    type: str = ""
    name: str | None = None
    content: str | None = None


class _Message(Struct, frozen=True, kw_only=True):
    id: _Id
    role: str
    content: str
    parent: _Id = None
    type: str = "text"
    timestamp: float = 0
    thinking: str | None = None
    reasoningContent: str | None = None
    model: str | None = None
    extra: tuple[_Extra, ...] | None = None


class _Conversation(Struct, frozen=True, kw_only=True):
    id: _Id = None
    name: str = ""
    lastModified: float = 0
    currNode: _Id = None


class _Export(Struct, frozen=True):
    conv: _Conversation
    messages: tuple[_Message, ...]


def read(item: msgspec.Raw) -> Draft:
    """Raises BadItemError, msgspec.DecodeError."""
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
    )
    return with_system(draft)


def milliseconds(time: float) -> int:
    """A time of JavaScript's."""
    return int(time) if 0 < time < 2**53 else 0


def _message(found: _Message, ids: set[str]) -> DraftMessage:
    parent = _name(found.parent)
    thought = found.thinking or found.reasoningContent
    files = [extra for extra in found.extra or () if extra.type in _TEXTS and extra.content]
    return DraftMessage(
        id=_name(found.id),
        parent=None if parent in ("", "-1") and parent not in ids else parent,
        role=found.role if found.role in ROLES else "assistant",
        content="".join(
            (
                f"<think>\n{thought}\n</think>\n\n" if thought else "",
                found.content,
                *(f"\n\n--- {extra.name or extra.type} ---\n{extra.content}" for extra in files),
            )
        ),
        created_at=milliseconds(found.timestamp),
        about=About(model=found.model),
    )


def _name(id: _Id) -> str:
    return "" if id is None else str(int(id)) if isinstance(id, float) and id.is_integer() else str(id)
