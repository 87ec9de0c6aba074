"""Content blocks of a request's messages, as text for the model's template."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from protocol.messages import ChatMessage, Role
from server.openai.errors import RefusedError, unsupported
from server.openai.fields import Fields
from server.openai.messages import Dialogue, begun, call_text, has_text, thinking_text

ROLES: Final[Mapping[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}

TEXT: Final = ("text",)
KINDS: Final = (*TEXT, "thinking", "redacted_thinking", "tool_use", "tool_result")
"""Types of blocks."""


def read_dialogue(fields: Fields) -> Dialogue:
    """Return the dialogue of a request. A last message of the assistant is the answer's beginning.

    Neighbouring messages of one role are one, as in Anthropic's API. Raises RefusedError.
    """
    given = fields.get("messages")
    if not isinstance(given, list) or not given:
        raise RefusedError("messages must be a list of at least one message", param="messages")
    messages = [_message(each, f"messages[{place}]") for place, each in enumerate(given)]
    if not has_text(messages):
        raise RefusedError("messages must have at least one character that is not white space", param="messages")
    return begun((*_system(fields), *_joined(messages)), "messages")


def _system(fields: Fields) -> tuple[ChatMessage, ...]:
    text = _content(fields.get("system", ""), "system")
    return (ChatMessage(role="system", content=text),) if text else ()


def _message(given: Any, path: str) -> ChatMessage:
    if not isinstance(given, dict):
        raise RefusedError(f"{path} must be an object with role and content", param=path)
    role = given.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise RefusedError(f"{path}.role must be one of {', '.join(ROLES)}", param=f"{path}.role")
    return ChatMessage(role=ROLES[role], content=_content(given.get("content"), f"{path}.content"))


def _joined(messages: list[ChatMessage]) -> list[ChatMessage]:
    joined: list[ChatMessage] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            content = f"{joined.pop().content}\n{message.content}"
            joined.append(ChatMessage(role=message.role, content=content))
        else:
            joined.append(message)
    return joined


def _content(content: Any, path: str, kinds: Collection[str] = KINDS) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise RefusedError(f"{path} must be a string or a list of blocks", param=path)
    texts = [_block(block, f"{path}[{place}]", kinds) for place, block in enumerate(content)]
    thoughts = "".join(text for text, is_thought in texts if is_thought)
    return thoughts + "\n".join(text for text, is_thought in texts if text and not is_thought)


def _block(block: Any, path: str, kinds: Collection[str]) -> tuple[str, bool]:
    """Return the text of a block, and whether it is a thought."""
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str):
        raise RefusedError(f"{path} must be an object with a type", param=path)
    if kind not in kinds:
        raise unsupported(path, f"this model reads only text, and not a block of type {kind[:40]!r} here")
    match kind:
        case "thinking":
            return thinking_text(_string(block, "thinking", path)), True
        case "tool_use":
            arguments = msgspec.json.encode(block.get("input", {})).decode()
            return call_text({"name": block.get("name"), "arguments": arguments}, path), False
        case "tool_result":
            return _content(block.get("content") or "", f"{path}.content", TEXT), False
        case "redacted_thinking":  # only Anthropic's own models can read it
            return "", False
        case _:
            return _string(block, "text", path), False


def _string(block: Fields, name: str, path: str) -> str:
    if not isinstance(text := block.get(name), str):
        raise RefusedError(f"{path}.{name} must be a string", param=f"{path}.{name}")
    return text
