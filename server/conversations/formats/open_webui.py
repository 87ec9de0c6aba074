"""Open WebUI's export: a list of chats, or one chat.

A chat is ``{"id", "title", "created_at", "updated_at", "pinned", "chat": {...}}``, times in seconds; the inner object,
also accepted alone, is ``{"title", "models", "params": {"system"}?, "system"?, "history": {"currentId", "messages":
{id: message}}}``. A message is ``{"id", "parentId", "childrenIds", "role", "content", "timestamp", "model"?, "files"?,
"output"?}``. Thinking is in the content as ``<details type="reasoning">``, quoted and HTML-escaped, or in ``output``,
as in OpenAI's Responses API, and so are calls of functions with their results. Files are only named in the text;
sources and messages of other roles are dropped.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from server.conversations.formats import calls, details
from server.conversations.formats.draft import ROLES, Draft, DraftMessage, settings_of, with_system, without
from server.conversations.formats.turn_pieces import milliseconds, named, paragraphs, with_thought
from server.conversations.values import About


class _Message(Struct, frozen=True, kw_only=True):
    role: str
    content: Any  # text, or a list of parts
    parentId: str | None = None
    timestamp: float | None = None
    model: str | None = None
    files: list[Any] | None = None
    output: list[Any] | None = None


class _History(Struct, frozen=True, kw_only=True):
    messages: dict[str, _Message]
    currentId: str | None = None


class _Params(Struct, frozen=True):
    system: str | None = None


class _Chat(Struct, frozen=True, kw_only=True):
    history: _History | None = None
    messages: tuple[_Message, ...] = ()
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
    """Read one conversation. Raises BadItemError, msgspec.DecodeError."""
    outer = msgspec.json.decode(item, type=_Outer)
    history = outer.chat.history or _in_order(outer.chat.messages)
    system = outer.chat.system or (outer.chat.params.system if outer.chat.params else None)
    messages = [_message(id, message) for id, message in history.messages.items()]
    silent = {id for id, message in history.messages.items() if message.role not in ROLES}
    draft = Draft(
        id=outer.id,
        title=outer.title or outer.chat.title or "",
        messages=tuple(calls.expanded(without(messages, silent), _steps(history))),
        leaf=history.currentId,
        created_at=milliseconds(outer.created_at),
        updated_at=milliseconds(outer.updated_at),
        pinned=bool(outer.pinned),
        settings=settings_of(system),
    )
    return with_system(draft)


def read_inner(item: msgspec.Raw) -> Draft:
    """Read a chat given without its outer object."""
    return read(msgspec.Raw(b'{"chat":' + bytes(item) + b"}"))


def _in_order(messages: tuple[_Message, ...]) -> _History:
    """Chain messages, for versions without branches."""
    named = {f"m{at}": message for at, message in enumerate(messages)}
    before = dict(zip(named, [None, *named], strict=False))
    following = {id: msgspec.structs.replace(message, parentId=before[id]) for id, message in named.items()}
    return _History(messages=following, currentId=next(reversed(named), None))


def _message(id: str, found: _Message) -> DraftMessage:
    return DraftMessage(
        id=id,
        parent=found.parentId or None,
        role=found.role if found.role in ROLES else "assistant",
        content=_whole(found),
        created_at=milliseconds(found.timestamp),
        about=About(model=found.model),
    )


def _whole(found: _Message) -> str:
    """Return a message's text, with its thinking before and its files after it."""
    content = _text(found.content)
    thought, said = details.split(content) if found.role == "assistant" else ("", content)
    if found.output and not thought:
        more = details.from_output(found.output)
        thought, said = more[0], said or more[1]
    names = (_file(file) for file in found.files or () if isinstance(file, dict))
    return with_thought(thought, paragraphs((said, *names)))


def _steps(history: _History) -> dict[str, list[calls.Step]]:
    """Return the steps of the answers that have calls."""
    answers = ((id, found) for id, found in history.messages.items() if found.role == "assistant")
    return {id: steps for id, found in answers if (steps := _steps_of(found))}


def _steps_of(found: _Message) -> list[calls.Step]:
    steps = details.steps(_text(found.content)) or details.output_steps(found.output or ())
    if steps:
        names = (_file(file) for file in found.files or () if isinstance(file, dict))
        steps[-1].text = paragraphs((steps[-1].text, *names))
    return steps


def _file(file: dict[str, Any]) -> str:
    inner = file.get("file")
    name = file.get("name") or (inner.get("filename") if isinstance(inner, dict) else None)
    return named("Image" if file.get("type") == "image" else "Attachment", name)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, list):
        raise msgspec.ValidationError("Expected `str` or `array` - at `$.chat.history.messages[...].content`")
    parts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n\n".join(text for text in parts if isinstance(text, str))
