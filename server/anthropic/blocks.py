"""Messages of a request, made of content blocks, as a dialogue for the model's template."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from protocol.messages import ChatMessage, Role, ToolCall
from server.openai.errors import RefusedError, unsupported
from server.openai.fields import Fields
from server.openai.messages import Dialogue, begun, has_text, thinking_text

KINDS: Final[Mapping[str, tuple[Role, Collection[str]]]] = {
    "user": ("user", ("text", "tool_result")),
    "assistant": ("assistant", ("text", "thinking", "redacted_thinking", "tool_use")),
    "system": ("system", ("text",)),
}
"""Roles, with those of the protocol and the types of blocks in their messages.

``redacted_thinking`` is left out: only Anthropic's own models can read it.
"""

TEXT: Final = ("text",)

MAX_ID: Final = 256
"""Longest id of a call, in characters."""


def read_dialogue(fields: Fields) -> Dialogue:
    """Return the dialogue of a request. A last message of the assistant is the answer's beginning.

    Neighbouring messages of one role are one, as in Anthropic's API. Raises RefusedError.
    """
    given = fields.get("messages")
    if not isinstance(given, list) or not given:
        raise RefusedError("messages must be a list of at least one message", param="messages")
    messages = [one for place, each in enumerate(given) for one in _messages(each, f"messages[{place}]")]
    if not has_text(messages):
        raise RefusedError("messages must have at least one character that is not white space", param="messages")
    return begun((*_system(fields), *_joined(messages)), "messages")


def _system(fields: Fields) -> tuple[ChatMessage, ...]:
    text = _text(fields.get("system", ""), "system")
    return (ChatMessage(role="system", content=text),) if text else ()


def _messages(given: Any, path: str) -> Iterator[ChatMessage]:
    """Yield the results of calls in a message, and then the message."""
    if not isinstance(given, dict):
        raise RefusedError(f"{path} must be an object with role and content", param=path)
    name = given.get("role")
    if not isinstance(name, str) or name not in KINDS:
        raise RefusedError(f"{path}.role must be one of {', '.join(KINDS)}", param=f"{path}.role")
    role, kinds = KINDS[name]
    blocks = list(_blocks(given.get("content"), f"{path}.content", kinds))
    results = [_result(block, place) for place, block in blocks if block["type"] == "tool_result"]
    yield from results
    thoughts = [thinking_text(_string(block, "thinking", at)) for at, block in blocks if block["type"] == "thinking"]
    calls = tuple(_call(block, place) for place, block in blocks if block["type"] == "tool_use")
    text = "".join(thoughts) + _joined_text(blocks)
    if text or calls or not results:
        yield ChatMessage(role=role, content=text, tool_calls=calls or None)


def _joined(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    joined: list[ChatMessage] = []
    for message in messages:
        last = joined[-1] if joined else None
        if last is not None and last.role == message.role != "tool":
            content = "\n".join(filter(None, (last.content, message.content)))
            calls = (*(last.tool_calls or ()), *(message.tool_calls or ()))
            joined[-1] = ChatMessage(role=message.role, content=content, tool_calls=calls or None)
        else:
            joined.append(message)
    return joined


Blocks = Sequence[tuple[str, dict[str, Any]]]
"""Blocks with the path of each."""


def _blocks(content: Any, path: str, kinds: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the blocks of a content. Raises RefusedError for a block whose type is not one of ``kinds``."""
    if isinstance(content, str):
        yield path, {"type": "text", "text": content}
        return
    if not isinstance(content, list):
        raise RefusedError(f"{path} must be a string or a list of blocks", param=path)
    for place, block in enumerate(content):
        kind, at = block.get("type") if isinstance(block, dict) else None, f"{path}[{place}]"
        if not isinstance(kind, str):
            raise RefusedError(f"{at} must be an object with a type", param=at)
        if kind not in kinds:
            raise unsupported(at, f"this model reads only text, and not a block of type {kind[:40]!r} here")
        yield at, block


def _text(content: Any, path: str) -> str:
    return _joined_text(list(_blocks(content, path, TEXT)))


def _joined_text(blocks: Blocks) -> str:
    texts = [_string(block, "text", path) for path, block in blocks if block["type"] == "text"]
    return "\n".join(filter(None, texts))


def _result(block: Fields, path: str) -> ChatMessage:
    text, id = _text(block.get("content") or "", f"{path}.content"), block.get("tool_use_id")
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID:
        raise RefusedError(f"{path}.tool_use_id must be a string, the id of the call", param=f"{path}.tool_use_id")
    return ChatMessage(role="tool", content=text, tool_call_id=id)


def _call(block: Fields, path: str) -> ToolCall:
    arguments = msgspec.json.encode(block.get("input") or {}).decode()
    found = {"id": block.get("id"), "function": {"name": block.get("name"), "arguments": arguments}}
    try:
        return msgspec.convert(found, ToolCall)
    except msgspec.ValidationError as error:
        text = f"{path} must have an id, the name of a tool, and an object as its input: {error}"
        raise RefusedError(text, param=path) from error


def _string(block: Fields, name: str, path: str) -> str:
    if not isinstance(text := block.get(name), str):
        raise RefusedError(f"{path}.{name} must be a string", param=f"{path}.{name}")
    return text
