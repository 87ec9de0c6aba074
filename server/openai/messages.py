"""Messages of a chat request as a dialogue for the model's template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from protocol.messages import CalledFunction, ChatMessage, Role, ToolCall
from server.openai.errors import RefusedError
from server.openai.fields import Fields
from server.openai.parts import text_of

ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
"""Roles of a request, and those of the protocol."""

TEXTS: Final = {"text": "text", "refusal": "refusal"}
"""Field with the text of each type of part."""

THINKING: Final = ("reasoning_content", "reasoning")


class Dialogue(NamedTuple):
    """Messages, and the text with which the answer begins."""

    messages: tuple[ChatMessage, ...]
    written: str


def read_messages(fields: Fields) -> Dialogue:
    """Return the dialogue of a request. A last message of the assistant is the answer's beginning.

    Raises RefusedError.
    """
    given = fields.get("messages")
    if not isinstance(given, list) or not given:
        code = "missing_required_parameter" if given is None else None
        raise RefusedError("messages must be a list of at least one message", param="messages", code=code)
    return begun([_message(each, f"messages[{place}]") for place, each in enumerate(given)], "messages")


def begun(messages: Sequence[ChatMessage], param: str) -> Dialogue:
    """Return the dialogue of messages, which errors call ``param``. Raises RefusedError."""
    if messages[-1].role != "assistant":
        return Dialogue(tuple(messages), "")
    if messages[-1].tool_calls:
        text = f"{param}: the calls of the last message need their results; add a message of the role tool for each"
        raise RefusedError(text, param=param)
    if len(messages) == 1:
        raise RefusedError(f"{param}: there must be a message before the assistant's last one", param=param)
    return Dialogue(tuple(messages[:-1]), messages[-1].content)


def _message(given: Any, path: str) -> ChatMessage:
    if not isinstance(given, dict):
        raise RefusedError(f"{path} must be an object with role and content", param=path)
    role = given.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise RefusedError(f"{path}.role must be one of {', '.join(ROLES)}", param=f"{path}.role")
    content = given.get("content")
    if content is None and role == "assistant":
        content = ""
    text = text_of(content, f"{path}.content", TEXTS)
    calls, id = None, None
    if role == "assistant":
        text = _thinking(given) + text
        calls = _calls(given, path) or None
    elif ROLES[role] == "tool":
        id = _id_of_result(given, path)
    return ChatMessage(role=ROLES[role], content=text, tool_calls=calls, tool_call_id=id)


def _id_of_result(given: Fields, path: str) -> str:
    """Return the id of the call whose result a message has."""
    older = given.get("role") == "function"
    name = "name" if older else "tool_call_id"
    id = given.get(name)
    if not isinstance(id, str) or not id:
        raise RefusedError(f"{path}.{name} must be a string, that of the call", param=f"{path}.{name}")
    return older_id(id) if older else id


def _thinking(given: Fields) -> str:
    """Return the thinking of an earlier answer in its marks, which the template's rules then apply to."""
    thought = next((given[name] for name in THINKING if isinstance(given.get(name), str) and given[name]), "")
    return thinking_text(thought)


def thinking_text(thought: str) -> str:
    """Return a thought in the marks that the rules of templates know; empty if there is none."""
    return f"<think>\n{thought}\n</think>\n\n" if thought else ""


def _calls(given: Fields, path: str) -> tuple[ToolCall, ...]:
    """Return the calls of an earlier answer."""
    if isinstance(older := given.get("function_call"), dict):
        call = called(older, f"{path}.function_call")
        return (ToolCall(id=older_id(call.name), function=call),)
    calls = given.get("tool_calls") or []
    if not isinstance(calls, list):
        raise RefusedError(f"{path}.tool_calls must be a list", param=f"{path}.tool_calls")
    return tuple(_call(call, f"{path}.tool_calls[{place}]") for place, call in enumerate(calls))


def _call(call: Any, path: str) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise RefusedError(f"{path} must be an object with a function and its name", param=path)
    id = call.get("id")
    if not isinstance(id, str) or not id:
        raise RefusedError(f"{path}.id must be a string", param=f"{path}.id")
    return ToolCall(id=id, function=called(function, f"{path}.function"))


def called(function: Fields, path: str) -> CalledFunction:
    """Return a called function. Raises RefusedError."""
    name, arguments = function.get("name"), function.get("arguments", "")
    if not isinstance(name, str) or not isinstance(arguments, str):
        raise RefusedError(f"{path} must have a name and arguments, both strings", param=path)
    return CalledFunction(name=name, arguments=arguments or "{}")


def older_id(name: str) -> str:
    """Return the id of a call in a request with ``functions``, where calls have none."""
    return f"call_{name}"


def has_text(messages: Sequence[ChatMessage]) -> bool:
    """Tell whether any message has text."""
    return any(message.content.strip() for message in messages)
