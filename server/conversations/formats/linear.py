"""A dialogue without branches: ``{"id"?, "title"?, "messages": [{"role", "content"}, ...]}``.

So llama-server's web page exported conversations before it had branches, with ``lastModified`` in milliseconds, and so
does whoever writes one by hand.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from server.conversations.formats.draft import Draft, DraftMessage, with_system
from server.conversations.formats.llama_server import milliseconds


class _Message(Struct, frozen=True):
    role: str
    content: str


class _Conversation(Struct, frozen=True, kw_only=True):
    messages: tuple[_Message, ...]
    id: str | None = None
    title: str | None = None
    name: str | None = None
    lastModified: float = 0


def read(item: msgspec.Raw) -> Draft:
    """Raises BadItemError, msgspec.DecodeError."""
    found = msgspec.json.decode(item, type=_Conversation)
    messages = tuple(
        DraftMessage(id=f"m{at}", parent=f"m{at - 1}" if at else None, role=said.role, content=said.content)
        for at, said in enumerate(found.messages)
    )
    title = found.title or found.name or ""
    draft = Draft(id=found.id, title=title, messages=messages, updated_at=milliseconds(found.lastModified))
    return with_system(draft)
