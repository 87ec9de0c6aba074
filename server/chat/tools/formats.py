"""Formats in which models call functions, found from their chat templates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from server.chat.tools.call_splitter import (
    HERMES,
    HERMES_END,
    MISTRAL,
    MISTRAL_ARGUMENTS,
    PYTHON_TAG,
)

Schema = Mapping[str, Any]

ANY_ARGUMENTS: Final[Schema] = {"type": "object"}
"""Schema of arguments whose own schema can't be enforced."""

NO_ARGUMENTS: Final[Schema] = {"type": "object", "properties": {}, "additionalProperties": False}

MAX_CALLS: Final = 16
"""Most calls in one forced list."""

HARMONY: Final = "<|channel|>commentary to=functions."
HARMONY_HEADER_END: Final = " <|constrain|>json<|message|>"
"""Texts before and after the function's name in the header of a call of gpt-oss."""

HARMONY_ENDS: Final = ("<|end|>", "<|start|>")
"""Marks after such a call, if the answer doesn't end with it."""

_DATA: Final = ("const", "enum", "default", "examples")
"""Keywords whose value is data, not a schema."""


class Function(NamedTuple):
    """An offered function. ``parameters``: the JSON schema of its arguments. ``strict``: it must be enforced."""

    name: str
    description: str
    parameters: Schema
    strict: bool = False

    @property
    def described(self) -> dict[str, Any]:
        """Entry of the list of tools that a template reads."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


class ToolFormat(Enum):
    """Form of a call in an answer."""

    GENERIC = auto()
    """One JSON object ``{"name", "arguments"}``, for templates without a known form."""
    HERMES = auto()
    """That object in ``<tool_call>`` marks: Hermes, Qwen and many others."""
    LLAMA = auto()
    """One JSON object ``{"name", "parameters"}``: Llama 3."""
    MISTRAL_LIST = auto()
    """``[TOOL_CALLS][{"name", "arguments"}, …]``: Mistral up to 2024."""
    MISTRAL_NAMED = auto()
    """``[TOOL_CALLS]name[ARGS]{…}``: newer ones."""
    HARMONY = auto()
    """A part with a recipient in its header: gpt-oss."""


class Forced(NamedTuple):
    """Beginning of an answer that must call a function, and the schema of the JSON text after it."""

    opening: str
    schema: Schema


class Begun(NamedTuple):
    """Mark of a call and what follows it: wherever a model has written ``begin`` in an answer, the text and then the
    JSON of one of ``parts`` must come, and then ``end``. ``after``: marks, of which one comes then unless the answer
    ends."""

    begin: str
    parts: tuple[tuple[str, Schema], ...]
    end: str = ""
    after: tuple[str, ...] = ()


def format_of(source: str) -> ToolFormat:
    """Return the format of calls that a template's source tells the model."""
    if "<|channel|>" in source and "functions." in source:
        return ToolFormat.HARMONY
    if MISTRAL in source:
        return ToolFormat.MISTRAL_NAMED if MISTRAL_ARGUMENTS in source else ToolFormat.MISTRAL_LIST
    if PYTHON_TAG in source or re.search(r"<\|start_header_id\|>[\s\S]*\"parameters\"", source):
        return ToolFormat.LLAMA
    if HERMES in source and not re.search(r"<function=|<arg_key>|<parameter=", source):
        return ToolFormat.HERMES
    return ToolFormat.GENERIC


def forced(form: ToolFormat, functions: Sequence[Function], *, several: bool) -> Forced:
    """Return the beginning and schema of an answer that must call one of ``functions``, or ``several``."""
    only = functions[0] if len(functions) == 1 else None
    match form:
        case ToolFormat.HERMES:
            return Forced(f"{HERMES}\n", call_schema(functions))
        case ToolFormat.LLAMA:
            return Forced("", call_schema(functions, "parameters"))
        case ToolFormat.MISTRAL_LIST:
            return Forced(MISTRAL, _list_of(call_schema(functions), MAX_CALLS if several else 1))
        case ToolFormat.MISTRAL_NAMED if only:
            return Forced(f"{MISTRAL}{only.name}{MISTRAL_ARGUMENTS}", only.parameters)
        case ToolFormat.HARMONY if only:
            return Forced(f"{HARMONY}{only.name}{HARMONY_HEADER_END}", only.parameters)
    return Forced("", call_schema(functions))


def begun(form: ToolFormat, functions: Sequence[Function], *, several: bool) -> Begun | None:
    """Return what must follow the mark of a call of one of ``functions``, or of ``several`` calls. None for formats
    without a mark: there a call begins like any other JSON."""
    match form:
        case ToolFormat.HERMES:
            return Begun(HERMES, (("", call_schema(functions)),), HERMES_END)
        case ToolFormat.MISTRAL_LIST:
            return Begun(MISTRAL, (("", _list_of(call_schema(functions), MAX_CALLS if several else 1)),))
        case ToolFormat.MISTRAL_NAMED:
            named = ((f"{function.name}{MISTRAL_ARGUMENTS}", function.parameters) for function in functions)
            return Begun(MISTRAL, tuple(named))
        case ToolFormat.HARMONY:
            named = ((f"{function.name}{HARMONY_HEADER_END}", function.parameters) for function in functions)
            return Begun(HARMONY, tuple(named), after=HARMONY_ENDS)
    return None


def call_schema(functions: Sequence[Function], arguments: str = "arguments") -> Schema:
    """Return the schema of an object with a name and ``arguments``, by the function's own schema."""
    calls = [_call(function, arguments, f"call{place}") for place, function in enumerate(functions)]
    definitions = {
        f"call{place}": relocated(function.parameters, f"#/$defs/call{place}")
        for place, function in enumerate(functions)
    }
    return {"anyOf": calls, "$defs": definitions} if len(calls) > 1 else {**calls[0], "$defs": definitions}


def call_or(schema: Schema, functions: Sequence[Function]) -> Schema:
    """Return the schema of a call, or of JSON by ``schema``."""
    calls = [_call(function, "arguments", f"call{place}") for place, function in enumerate(functions)]
    definitions = {**call_schema(functions)["$defs"], "format": relocated(schema, "#/$defs/format")}
    return {"anyOf": [*calls, {"$ref": "#/$defs/format"}], "$defs": definitions}


def _call(function: Function, arguments: str, definition: str) -> dict[str, Any]:
    properties = {"name": {"const": function.name}, arguments: {"$ref": f"#/$defs/{definition}"}}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list_of(schema: Schema, most: int) -> Schema:
    item = {name: value for name, value in schema.items() if name != "$defs"}
    return {"type": "array", "items": item, "minItems": 1, "maxItems": most, "$defs": schema["$defs"]}


def relocated(schema: Any, root: str) -> Any:
    """Return a schema whose references to its own parts are references below ``root``, where it is put."""
    if isinstance(schema, Mapping):
        return {name: _relocated(name, value, root) for name, value in schema.items()}
    return [relocated(each, root) for each in schema] if isinstance(schema, list) else schema


def _relocated(name: str, value: Any, root: str) -> Any:
    if name in _DATA:
        return value
    if name == "$ref" and isinstance(value, str) and value.startswith("#"):
        return root + value[1:]
    return relocated(value, root)


def short_id(id: str) -> str:
    """Return an id of nine letters and digits, which Mistral's templates require."""
    return hashlib.sha256(id.encode()).hexdigest()[:9]
