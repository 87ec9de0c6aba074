"""StreamUI's own JSON: ``{"format": "streamui.conversations", "version": 1, "conversations": [...]}``.

Each conversation has the form of `GET /api/conversations/{id}` (PROTOCOL 14.1). A file with a single conversation is
read too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from protocol.messages import MAX_TOOLS, Count, Effort, ModelName, Params, Tool, Truncation
from server.conversations.formats.draft import BadItemError, Draft, DraftMessage, settings_of
from server.conversations.values import About, MessageState, ToolChoice, Whole

FORMAT: Final = "streamui.conversations"
VERSION: Final = 1


class _Settings(Struct, frozen=True):
    system: str | None = None
    params: Params = Params()
    model: ModelName | None = None
    truncation: Truncation | None = None
    reasoning_effort: Effort | None = None
    tools: Annotated[tuple[Tool, ...], Meta(max_length=MAX_TOOLS)] = ()
    tool_choice: ToolChoice | None = None


class _Message(About, frozen=True, kw_only=True):
    id: str
    parent: str | None
    role: str
    content: str
    created_at: Count = 0
    state: MessageState = MessageState.DONE


class _Conversation(Struct, frozen=True, kw_only=True):
    messages: tuple[_Message, ...]
    id: str | None = None
    title: Annotated[str, Meta(max_length=10_000)] = ""
    created_at: Count = 0
    updated_at: Count = 0
    pinned: bool = False
    settings: _Settings = _Settings()
    leaf: str | None = None


def read(item: msgspec.Raw) -> Draft:
    """Read one conversation. Raises BadItemError, msgspec.DecodeError."""
    found = msgspec.json.decode(item, type=_Conversation)
    return Draft(
        id=found.id,
        title=found.title,
        messages=tuple(map(_message, found.messages)),
        leaf=found.leaf,
        created_at=found.created_at,
        updated_at=found.updated_at,
        pinned=found.pinned,
        settings=replace(
            settings_of(found.settings.system, found.settings.params),
            model=found.settings.model,
            truncation=found.settings.truncation,
            reasoning_effort=found.settings.reasoning_effort,
            tools=found.settings.tools,
            tool_choice=found.settings.tool_choice,
        ),
    )


def refuse_newer(version: int) -> None:
    """Raise BadItemError for an unsupported version."""
    if version != VERSION:
        raise BadItemError(f"it has version {version} of the format; this StreamUI reads version {VERSION}")


def exported(conversation: Whole) -> str:
    """Return the file of one conversation."""
    return _BEGIN + msgspec.json.encode(conversation).decode() + _END


async def exported_all(conversations: AsyncIterator[Whole]) -> AsyncIterator[str]:
    """Yield the file of all conversations, in parts."""
    separator = _BEGIN
    async for conversation in conversations:
        yield separator + msgspec.json.encode(conversation).decode()
        separator = ",\n"
    yield _END if separator != _BEGIN else _BEGIN + _END


_BEGIN: Final = f'{{"format":"{FORMAT}","version":{VERSION},"conversations":[\n'
_END: Final = "\n]}\n"


def _message(found: _Message) -> DraftMessage:
    writing = found.state is MessageState.WRITING  # the file has the text as of the export
    return DraftMessage(
        id=found.id,
        parent=found.parent,
        role=found.role,
        content=found.content,
        created_at=found.created_at,
        state=MessageState.INTERRUPTED if writing else found.state,
        about=About(**{name: getattr(found, name) for name in About.__struct_fields__}),
    )
