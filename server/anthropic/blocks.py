"""Messages of a request, made of content blocks, as a dialogue for the model's template."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from protocol.messages import ChatMessage, Role, ToolCall
from server.openai.errors import RefusedError
from server.openai.fields import Fields
from server.openai.messages import Dialogue, begun, has_text, thinking_text
from server.openai.parts import Part, read_parts

KINDS: Final[Mapping[str, tuple[Role, Collection[str]]]] = {
    "user": ("user", ("text", "tool_result")),
    "assistant": ("assistant", ("text", "thinking", "redacted_thinking", "tool_use")),
    "system": ("system", ("text",)),
}
"""Roles, with those of the protocol and the types of blocks in their messages.

``redacted_thinking`` is left out: only Anthropic's own models can read it.
"""

TEXT: Final = ("text",)
WORD: Final = "block"

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
    blocks = list(read_parts(given.get("content"), f"{path}.content", kinds, WORD))
    results = [_result(block) for block in blocks if block.kind == "tool_result"]
    yield from results
    thoughts = [thinking_text(block.text("thinking")) for block in blocks if block.kind == "thinking"]
    calls = tuple(_call(block) for block in blocks if block.kind == "tool_use")
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


def _text(content: Any, path: str) -> str:
    return _joined_text(read_parts(content, path, TEXT, WORD))


def _joined_text(blocks: Iterable[Part]) -> str:
    return "\n".join(filter(None, (block.text("text") for block in blocks if block.kind == "text")))


def _result(block: Part) -> ChatMessage:
    path, id = block.path, block.fields.get("tool_use_id")
    text = _text(block.fields.get("content") or "", f"{path}.content")
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID:
        raise RefusedError(f"{path}.tool_use_id must be a string, the id of the call", param=f"{path}.tool_use_id")
    return ChatMessage(role="tool", content=text, tool_call_id=id)


def _call(block: Part) -> ToolCall:
    path, fields = block.path, block.fields
    arguments = msgspec.json.encode(fields.get("input") or {}).decode()
    found = {"id": fields.get("id"), "function": {"name": fields.get("name"), "arguments": arguments}}
    try:
        return msgspec.convert(found, ToolCall)
    except msgspec.ValidationError as error:
        text = f"{path} must have an id, the name of a tool, and an object as its input: {error}"
        raise RefusedError(text, param=path) from error
