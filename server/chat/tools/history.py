"""Messages with calls and results in the form that a template reads, or as text for templates without tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.chat.dialogue import GAP, Dialogue
from server.chat.prompt import Message
from server.chat.tools.formats import Function, short_id

INSTRUCTIONS: Final = (
    "You can call functions. To call one, answer with one JSON object and nothing else: "
    '{"name": <name of the function>, "arguments": <object with its arguments>}. '
    "If no function is needed, answer with text.\n\nFunctions:\n"
)
"""System text for templates without tools, before a line for each function."""


def is_call(message: Message) -> bool:
    return bool(message.get("tool_calls"))


def has_call(message: Message) -> bool:
    """Tell whether a message has calls, or the result of one."""
    return is_call(message) or message["role"] == "tool"


def as_text(dialogue: Dialogue) -> Dialogue:
    """Return a dialogue with calls as the assistant's text, and results as the user's."""
    return [_as_text(message) for message in dialogue]


def with_instructions(dialogue: Dialogue, functions: Sequence[Function]) -> Dialogue:
    """Add a system text that offers functions."""
    lines = [json.dumps(function.described["function"], ensure_ascii=False) for function in functions]
    text = INSTRUCTIONS + "\n".join(lines)
    if dialogue and dialogue[0]["role"] == "system":
        return [{**dialogue[0], "content": GAP.join(filter(None, (dialogue[0]["content"], text)))}, *dialogue[1:]]
    return [{"role": "system", "content": text}, *dialogue]


def for_template(dialogue: Dialogue, *, objects: bool, short_ids: bool) -> Dialogue:
    """Return a dialogue with calls in a template's form. ``objects``: it reads arguments as an object, not as text."""
    return [_for_template(message, objects, short_ids) for message in dialogue]


def _as_text(message: Message) -> Message:
    if message["role"] == "tool":
        of = f"Result of {message['name']}: " if message.get("name") else ""
        return {"role": "user", "content": of + (message["content"] or "(nothing)")}
    if not is_call(message):
        return message
    calls = (call_text(call["function"]) for call in message["tool_calls"])
    rest = {name: value for name, value in message.items() if name != "tool_calls"}
    return {**rest, "content": "\n".join(filter(None, (message["content"], *calls)))}


def call_text(function: Mapping[str, Any]) -> str:
    """Return a call as text, with its arguments as they were written."""
    return f'{{"name": {json.dumps(function["name"])}, "arguments": {function["arguments"] or "{}"}}}'


def _for_template(message: Message, objects: bool, short_ids: bool) -> Message:
    if message["role"] == "tool" and short_ids:
        return {**message, "tool_call_id": short_id(message["tool_call_id"])}
    if not is_call(message):
        return message
    return {**message, "tool_calls": [_call(call, objects, short_ids) for call in message["tool_calls"]]}


def _call(call: Mapping[str, Any], objects: bool, short_ids: bool) -> dict[str, Any]:
    function = call["function"]
    arguments = _object(function["arguments"]) if objects else function["arguments"]
    id = short_id(call["id"]) if short_ids else call["id"]
    return {"id": id, "type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _object(arguments: str) -> Any:
    """Return arguments as an object; as they are if they are none, since a model may have written them."""
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
    return value if isinstance(value, dict) else arguments
