"""A dialogue without branches: ``{"id"?, "title"?, "messages": [{"role", "content"}, ...]}``.

This is llama-server's old export format, with ``lastModified`` in milliseconds, and the format for files written by
hand. A content may also be a list of parts, as in OpenAI's API. ``tool_calls`` and messages of the role ``tool`` are
those of OpenAI's API too; results without their call, and messages of the role ``function``, are dropped.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from server.conversations.formats import calls
from server.conversations.formats.draft import Draft, DraftMessage, with_system
from server.conversations.formats.llama_server import milliseconds
from server.conversations.formats.turn_pieces import named, paragraphs, with_thought
from server.conversations.values import About

_ROLES: Final = {"developer": "system", "human": "user"}
_LEFT_OUT: Final = ("function",)


class _Message(Struct, frozen=True):
    role: str
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    tool_calls: list[Any] | None = None
    tool_call_id: str | None = None


class _Conversation(Struct, frozen=True, kw_only=True):
    messages: tuple[_Message, ...]
    id: str | None = None
    title: str | None = None
    name: str | None = None
    lastModified: float = 0


def read(item: msgspec.Raw) -> Draft:
    """Read one conversation. Raises BadItemError, msgspec.DecodeError."""
    found = msgspec.json.decode(item, type=_Conversation)
    kept = (said for said in found.messages if said.role not in _LEFT_OUT)
    messages = tuple(_message(at, said) for at, said in enumerate(kept))
    title = found.title or found.name or ""
    draft = Draft(id=found.id, title=title, messages=messages, updated_at=milliseconds(found.lastModified))
    return with_system(draft)


def _message(at: int, said: _Message) -> DraftMessage:
    message = DraftMessage(
        id=f"m{at}",
        parent=f"m{at - 1}" if at else None,
        role=_ROLES.get(said.role, said.role),
        content=with_thought(said.reasoning_content or "", _text(said.content)),
        about=About(tool_call_id=said.tool_call_id or None),
    )
    return calls.with_calls(message, calls.listed(said.tool_calls)) if said.role == "assistant" else message


def _text(content: str | list[Any] | None) -> str:
    if isinstance(content, str):
        return content
    return paragraphs(_part(part) for part in content or ())


def _part(part: Any) -> str:
    if not isinstance(part, dict):
        return part if isinstance(part, str) else ""
    text = part.get("text")
    return (
        text if isinstance(text, str) else named(str(part.get("type") or "attachment").replace("_url", "").capitalize())
    )
