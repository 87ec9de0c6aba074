"""Tools of a request: ``tools``, ``tool_choice`` and the older ``functions`` and ``function_call``."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from protocol.messages import MAX_TOOLS, NamedFunction, NamedTool, Tool, ToolFunction
from server.openai.errors import RefusedError, unsupported
from server.openai.fields import Fields, flag

NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
MODES: Final = ("auto", "none", "required")


class Tools(NamedTuple):
    """Functions that the model may call. ``choice``: as in `generate`; ``older``: the request has ``functions``."""

    tools: tuple[Tool, ...] = ()
    choice: str | NamedTool = "auto"
    parallel: bool = True
    older: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Names of the functions that the answer may call."""
        return frozenset() if self.choice == "none" else frozenset(tool.function.name for tool in self.tools)

    @property
    def forced(self) -> bool:
        """True if the answer must be a call."""
        return self.choice not in ("auto", "none")


def read_chat_tools(fields: Fields) -> Tools:
    """Return the tools of a chat. Raises RefusedError."""
    older = "tools" not in fields and "functions" in fields
    listed = _a_list(fields, "functions" if older else "tools")
    if older:
        tools = [_function(given, f"functions[{place}]") for place, given in enumerate(listed)]
        choice = fields.get("function_call", "auto")
        choice = {"type": "function", "function": choice} if isinstance(choice, dict) else choice
        return _checked(tools, choice, fields, "function_call", older=True)
    tools = [_chat_tool(given, f"tools[{place}]") for place, given in enumerate(listed)]
    return _checked(tools, fields.get("tool_choice", "auto"), fields, "tool_choice")


def read_response_tools(fields: Fields) -> Tools:
    """Return the functions of a response request. Tools of other types are left out: some clients offer them in every
    request. Raises RefusedError."""
    tools = []
    for place, given in enumerate(_a_list(fields, "tools")):
        if not isinstance(given, dict):
            raise RefusedError(f"tools[{place}] must be an object", param=f"tools[{place}]")
        if given.get("type") == "function":
            tools.append(_function(given, f"tools[{place}]"))
    return _checked(tools, fields.get("tool_choice", "auto"), fields, "tool_choice")


def _a_list(fields: Fields, name: str) -> list[Any]:
    value = fields.get(name, [])
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        raise RefusedError(f"{name} must be a list of up to {MAX_TOOLS} tools", param=name)
    return value


def _chat_tool(given: Any, path: str) -> Tool:
    if not isinstance(given, dict):
        raise RefusedError(f"{path} must be an object with type and function", param=path)
    if given.get("type", "function") != "function":
        raise unsupported(f"{path}.type", f"this server has no tools of type {str(given['type'])[:40]!r}")
    return _function(given.get("function"), f"{path}.function")


def _function(given: Any, path: str) -> Tool:
    if not isinstance(given, dict):
        raise RefusedError(f"{path} must be an object with a name", param=path)
    name, description, parameters = given.get("name"), given.get("description"), given.get("parameters")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        words = "must be a string of 1 to 128 of A-Z a-z 0-9 . _ -"
        raise RefusedError(f"{path}.name {words}", param=f"{path}.name")
    if description is not None and not isinstance(description, str):
        raise RefusedError(f"{path}.description must be a string", param=f"{path}.description")
    if parameters is not None and not isinstance(parameters, dict):
        raise RefusedError(f"{path}.parameters must be a JSON schema, which is an object", param=f"{path}.parameters")
    strict = given.get("strict") is True
    return Tool(function=ToolFunction(name=name, description=description, parameters=parameters, strict=strict))


def _checked(tools: Sequence[Tool], choice: Any, fields: Fields, param: str, *, older: bool = False) -> Tools:
    names = [tool.function.name for tool in tools]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        param = "functions" if older else "tools"
        raise RefusedError(f"{param}: there are two functions named {twice!r}", param=param)
    parallel = flag({"parallel_tool_calls": True, **fields}, "parallel_tool_calls")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        tools, choice = _allowed(tools, choice.get("allowed_tools", choice), param)
    chosen = _choice(choice, {tool.function.name for tool in tools}, param)
    return Tools(tuple(tools), chosen, parallel, older)


def _allowed(tools: Sequence[Tool], given: Any, param: str) -> tuple[list[Tool], Any]:
    """Return the tools that a choice of type allowed_tools names, and its mode."""
    listed = given.get("tools") if isinstance(given, dict) else None
    if not isinstance(listed, list):
        raise RefusedError(f"{param}.tools must be a list of tools, for a choice of type allowed_tools", param=param)
    names = {_name_of(each) for each in listed if isinstance(each, dict)}
    return [tool for tool in tools if tool.function.name in names], given.get("mode", "auto")


def _choice(choice: Any, names: Collection[str], param: str) -> str | NamedTool:
    if isinstance(choice, str) and choice in MODES:
        if choice == "required" and not names:
            raise RefusedError(f'{param} "required" needs at least one function', param=param)
        return choice
    if isinstance(choice, dict) and choice.get("type", "function") == "function":
        name = _name_of(choice)
        if name not in names:
            raise RefusedError(f"{param}: there is no function {str(name)[:80]!r} among the tools", param=param)
        return NamedTool(function=NamedFunction(name=name))
    if isinstance(choice, dict) and isinstance(choice.get("type"), str):
        raise unsupported(param, f"this server can't force a tool of type {choice['type'][:40]!r}")
    words = f"{param} must be one of {', '.join(MODES)}, or an object that names a function"
    raise RefusedError(words, param=param)


def _name_of(given: dict[str, Any]) -> str:
    """Return the name of a function in either form: ``{"function": {"name"}}`` or ``{"name"}``."""
    inner = given.get("function")
    name = inner.get("name") if isinstance(inner, dict) else given.get("name")
    return name if isinstance(name, str) else ""
