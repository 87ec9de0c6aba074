"""Functions that the model may call in the terminal's chat, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from protocol.messages import MAX_TOOLS, Tool


class FunctionsError(ValueError):
    """A file without valid functions; the text says why, in one line."""


def read_functions(path: Path) -> tuple[Tool, ...]:
    """Read a JSON file with a function, or a list of them: ``{"name", "description"?, "parameters"?}``.

    They may also have the form of OpenAI's API: ``{"function": {...}}``. Raises OSError, FunctionsError.
    """
    try:
        given = msgspec.json.decode(path.expanduser().read_bytes())
        entries = given if isinstance(given, list) else [given]
        tools = tuple(msgspec.convert(_wrapped(entry), Tool) for entry in entries)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        raise FunctionsError(f"no functions in JSON: {problem}") from problem
    names = [tool.function.name for tool in tools]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise FunctionsError(f"two functions have the name {twice}; give each its own name")
    if len(tools) > MAX_TOOLS:
        raise FunctionsError(f"{len(tools)} functions; the maximum is {MAX_TOOLS}")
    return tools


def _wrapped(entry: Any) -> Any:
    return entry if isinstance(entry, dict) and "function" in entry else {"function": entry}
