"""Tools of a request, in the form of OpenAI's chats."""

from __future__ import annotations

import re
from typing import Any, Final

from server.openai.errors import RefusedError, rename_field
from server.openai.fields import Fields, an_object, flag
from server.openai.tool_fields import Tools, read_chat_tools

OWN: Final = (None, "custom")
"""Types of tools that the client runs. Others run at Anthropic, and are left out: some clients always offer them."""

CHOICES: Final = {"auto": "auto", "any": "required", "none": "none", "tool": None}
"""Values of ``tool_choice.type``, and those of OpenAI; None: a tool by its name."""

NAMES: Final = {"function.parameters": "input_schema", "function.": "", "function": ""}
"""Parts of a field's name in OpenAI's form, and their names in the request."""

PLACE: Final = re.compile(r"tools\[(\d+)\]\.?(.*)")


def read_tools(fields: Fields) -> Tools:
    """Return the tools of a request. Raises RefusedError."""
    listed = fields.get("tools", [])
    if not isinstance(listed, list) or not all(isinstance(tool, dict) for tool in listed):
        raise RefusedError("tools must be a list of objects", param="tools")
    places = [place for place, tool in enumerate(listed) if tool.get("type") in OWN]
    chosen = an_object(fields, "tool_choice")
    translated = {
        "tools": [{"type": "function", "function": _function(listed[place])} for place in places],
        "tool_choice": _choice(chosen),
        "parallel_tool_calls": not flag(chosen, "disable_parallel_tool_use", "tool_choice."),
    }
    try:
        return read_chat_tools(translated)
    except RefusedError as error:
        if error.field and (found := PLACE.fullmatch(error.field)):
            rename_field(error, {error.field: _name(places[int(found[1])], found[2])})
        raise


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    fields = {"name": "name", "description": "description", "input_schema": "parameters", "strict": "strict"}
    return {name: tool.get(given) for given, name in fields.items()}


def _choice(chosen: Fields) -> Any:
    kind = chosen.get("type", "auto")
    if not isinstance(kind, str) or kind not in CHOICES:
        raise RefusedError(f"tool_choice.type must be one of {', '.join(CHOICES)}", param="tool_choice.type")
    return CHOICES[kind] or {"type": "function", "function": {"name": chosen.get("name")}}


def _name(place: int, field: str) -> str:
    """Return the name of a field of a tool in the request."""
    for given, name in NAMES.items():
        if field.startswith(given):
            field = name + field.removeprefix(given)
            break
    return f"tools[{place}].{field}" if field else f"tools[{place}]"
