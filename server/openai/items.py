"""Input items of a response request as messages for the model's template."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from protocol.messages import ChatMessage, ToolCall
from server.openai.errors import RefusedError, unsupported
from server.openai.fields import Fields
from server.openai.messages import ROLES, called, thinking_text
from server.openai.parts import text_of

Item = dict[str, Any]
"""An item of a response's input or output."""

TEXTS: Final = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
"""Field with the text of each type of part."""

THOUGHTS: Final = {"reasoning_text": "text", "text": "text"}
"""Field with the text of each type of part of a thought."""


def read_input(fields: Fields, *, may_be_empty: bool = False) -> tuple[Item, ...]:
    """Return the items of ``input``, checked. Raises RefusedError."""
    given = fields.get("input", [] if may_be_empty else None)
    if isinstance(given, str):
        return ({"type": "message", "role": "user", "content": given},)
    if not isinstance(given, list) or not (given or may_be_empty):
        code = "missing_required_parameter" if given is None else None
        raise RefusedError("input must be a string or a list of at least one item", param="input", code=code)
    messages_of(given)
    return tuple(given)


def messages_of(items: Iterable[Any]) -> tuple[ChatMessage, ...]:
    """Return the messages of items. Raises RefusedError, which names the item by its place in ``input``."""
    messages: list[ChatMessage] = []
    thought = ""
    for place, item in enumerate(items):
        path = f"input[{place}]"
        if (message := _message(item, path)) is None:
            thought += text_of(item.get("content") or "", f"{path}.content", THOUGHTS)
            continue
        if thought and message.role == "assistant":
            message = replace(message, content=thinking_text(thought) + message.content)
        if message.tool_calls and messages and messages[-1].role == "assistant":
            # Templates read the text and all calls of an answer in one message.
            last = messages.pop()
            message = replace(last, tool_calls=(*(last.tool_calls or ()), *message.tool_calls))
        messages.append(message)
        thought = ""
    return tuple(messages)


def _message(item: Any, path: str) -> ChatMessage | None:
    """Return the message of an item; None for thinking, which belongs to the answer after it."""
    if not isinstance(item, dict):
        raise RefusedError(f"{path} must be an object", param=path)
    match item.get("type") or "message":
        case "message":
            return _spoken(item, path)
        case "function_call":
            call = ToolCall(id=_call_id(item, path), function=called(item, path))
            return ChatMessage(role="assistant", content="", tool_calls=(call,))
        case "function_call_output":
            output = text_of(item.get("output"), f"{path}.output", TEXTS)
            return ChatMessage(role="tool", content=output, tool_call_id=_call_id(item, path))
        case "reasoning":
            return None
        case other:
            raise unsupported(f"{path}.type", f"this server can't read an item of type {str(other)[:40]!r}")


def _call_id(item: Fields, path: str) -> str:
    id = item.get("call_id")
    if not isinstance(id, str) or not id:
        raise RefusedError(f"{path}.call_id must be a string", param=f"{path}.call_id")
    return id


def _spoken(item: Fields, path: str) -> ChatMessage:
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise RefusedError(f"{path}.role must be one of {', '.join(ROLES)}", param=f"{path}.role")
    return ChatMessage(role=ROLES[role], content=text_of(item.get("content"), f"{path}.content", TEXTS))
