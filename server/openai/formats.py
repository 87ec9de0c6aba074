"""Output formats: ``response_format`` as the JSON schema of the answer."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from protocol.checks import OBJECT_BYTES
from server.openai.errors import RefusedError
from server.openai.fields import Fields, an_object

NO_GRAMMAR: Final = "this server reads no GBNF; use response_format with a JSON schema"
FIELD: Final = "response_format"
ANY_OBJECT: Final = {"type": "object"}
"""Schema of ``json_object``."""

NARROWING: Final = frozenset(
    ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern", "format")
)
"""Keywords that are left out of a schema that is not strict: without them the answer still parses."""

NAMED: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords whose object has names chosen by the client as keys."""

VALUES: Final = ("const", "enum", "default", "examples")
"""Keywords whose value is data, not a schema."""


def read_response_format(fields: Fields) -> dict[str, Any] | None:
    """Return the JSON schema that ``response_format`` asks for; None for text. Raises RefusedError.

    As in llama-server, an object may have a schema too, and ``json_schema`` may be beside ``response_format``.
    """
    given = an_object(fields, FIELD)
    match given.get("type", "text"):
        case "text":
            return own_schema(fields)
        case "json_object":
            return schema_at(given, f"{FIELD}.schema") if given.get("schema") else dict(ANY_OBJECT)
        case "json_schema":
            return schema_at(an_object(given, "json_schema", f"{FIELD}."), f"{FIELD}.json_schema.schema")
        case _:
            text = 'response_format.type must be "text", "json_object" or "json_schema"'
            raise RefusedError(text, param="response_format.type", code="invalid_value")


def own_schema(fields: Fields) -> dict[str, Any] | None:
    """Return the schema in llama-server's field ``json_schema``; None if there is none. Raises RefusedError."""
    if not (schema := an_object(fields, "json_schema")):
        return None
    return schema_at({"schema": schema}, "json_schema")


def read_text_format(text: Fields) -> dict[str, Any] | None:
    """Return the JSON schema that ``text.format`` of a response asks for; None for text. Raises RefusedError."""
    given = an_object(text, "format", "text.")
    match given.get("type", "text"):
        case "text":
            return None
        case "json_object":
            return dict(ANY_OBJECT)
        case "json_schema":
            return schema_at(given, "text.format.schema")
        case _:
            words = 'text.format.type must be "text", "json_object" or "json_schema"'
            raise RefusedError(words, param="text.format.type", code="invalid_value")


def schema_at(given: Fields, path: str) -> dict[str, Any]:
    """Return the ``schema`` of a format, which errors call ``path``; without NARROWING unless it is ``strict``.

    Raises RefusedError.
    """
    schema = given.get("schema")
    if not isinstance(schema, dict):
        raise RefusedError(f"{path} must be a JSON schema, which is an object", param=path)
    most = OBJECT_BYTES["json_schema"]
    if (size := len(msgspec.json.encode(schema))) > most:
        raise RefusedError(f"{path} must have up to {most} bytes as JSON, not {size}; shorten it", param=path)
    return schema if given.get("strict") is True else widened(schema)


def widened(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without the keywords of NARROWING."""
    return {name: _widened_value(name, value) for name, value in schema.items() if name not in NARROWING}


def _widened_value(name: str, value: Any) -> Any:
    if name in VALUES:
        return value
    if name in NAMED and isinstance(value, dict):
        return {key: _widened(each) for key, each in value.items()}
    return _widened(value)


def _widened(value: Any) -> Any:
    if isinstance(value, dict):
        return widened(value)
    return [_widened(each) for each in value] if isinstance(value, list) else value
