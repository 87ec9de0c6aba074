"""What Open WebUI exports: a list of its chats, or one.

A chat is ``{"id", "title", "created_at", "updated_at", "pinned", "chat": {...}}``, times in seconds; the inner one,
which is also read alone, is ``{"title", "models", "params": {"system"}?, "system"?, "history": {"currentId",
"messages": {id: message}}}``. A message is ``{"id", "parentId", "childrenIds", "role", "content", "timestamp",
"model"?}``. Files and sources that hang on a message are left out, and so are messages of other roles.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from server.conversations.formats.draft import ROLES, Draft, DraftMessage, settings_of, with_system, without
from server.conversations.values import About


class _Message(Struct, frozen=True, kw_only=True):
    role: str
    content: Any  # text, or a list of parts of which some are text
    parentId: str | None = None
    timestamp: float | None = None
    model: str | None = None


class _History(Struct, frozen=True, kw_only=True):
    messages: dict[str, _Message]
    currentId: str | None = None


class _Params(Struct, frozen=True):
    system: str | None = None


class _Chat(Struct, frozen=True, kw_only=True):
    history: _History
    title: str | None = None
    system: str | None = None
    params: _Params | None = None


class _Outer(Struct, frozen=True, kw_only=True):
    chat: _Chat
    id: str | None = None
    title: str | None = None
    created_at: float | None = None
    updated_at: float | None = None
    pinned: bool | None = None


def read(item: msgspec.Raw) -> Draft:
    """Raises BadItemError, msgspec.DecodeError."""
    outer = msgspec.json.decode(item, type=_Outer)
    history = outer.chat.history
    system = outer.chat.system or (outer.chat.params.system if outer.chat.params else None)
    messages = [_message(id, message) for id, message in history.messages.items()]
    silent = {id for id, message in history.messages.items() if message.role not in ROLES}
    draft = Draft(
        id=outer.id,
        title=outer.title or outer.chat.title or "",
        messages=without(messages, silent),
        leaf=history.currentId,
        created_at=_milliseconds(outer.created_at),
        updated_at=_milliseconds(outer.updated_at),
        pinned=bool(outer.pinned),
        settings=settings_of(system),
    )
    return with_system(draft)


def read_inner(item: msgspec.Raw) -> Draft:
    """A chat without what stands around it."""
    return read(msgspec.Raw(b'{"chat":' + bytes(item) + b"}"))


def _message(id: str, found: _Message) -> DraftMessage:
    return DraftMessage(
        id=id,
        parent=found.parentId or None,
        role=found.role if found.role in ROLES else "assistant",
        content=_text(found.content),
        created_at=_milliseconds(found.timestamp),
        about=About(model=found.model),
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, list):
        raise msgspec.ValidationError("Expected `str` or `array` - at `$.chat.history.messages[...].content`")
    parts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n\n".join(text for text in parts if isinstance(text, str))


def _milliseconds(seconds: float | None) -> int:
    """Some versions write seconds, some milliseconds, some nanoseconds."""
    time = seconds or 0.0
    if not 0 < time < 1e19:
        return 0
    return int(time / 1e6) if time > 1e16 else int(time) if time > 1e11 else int(time * 1000)
