"""From a JSON schema to GBNF, by the converter that comes with the bindings.

It leaves out, without a word, what it has no rule for, and makes some rules whose texts are not JSON. So only what it
keeps is let through to it: what an answer has to obey is then all of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from llama_cpp.llama_grammar import json_schema_to_gbnf

from server.engine.base import GrammarError

MAX_REPEAT: Final = 1000
"""The largest minItems, maxItems, minLength and maxLength. llama.cpp unrolls them, and refuses more than 2,000."""

KEYWORDS: Final = frozenset(
    (
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "enum",
        "const",
        "oneOf",
        "anyOf",
        "allOf",
        "$ref",
        "format",
    )
)
NOTES: Final = frozenset(
    ("title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs", "definitions")
)
"""Keywords that say nothing about which answers are right."""

FORMATS: Final = frozenset(("date", "time", "date-time", "uuid", "uuid1", "uuid2", "uuid3", "uuid4", "uuid5"))
_REPEATS: Final = ("minItems", "maxItems", "minLength", "maxLength")
_SCHEMA_MAPS: Final = ("properties", "$defs", "definitions")
_SCHEMA_LISTS: Final = ("oneOf", "anyOf", "allOf", "prefixItems")


def gbnf(schema: Mapping[str, object]) -> str:
    """The grammar of ``schema``. Any thread may call it. Raises GrammarError, which names the keyword and its path."""
    for path, part in _parts(schema, ""):
        _check(path, part)
    try:
        return str(json_schema_to_gbnf(json.dumps(schema)))
    except RecursionError:
        raise GrammarError("it is nested too deep") from None
    except Exception as error:  # the converter asserts, and looks up keys that need not be there
        raise GrammarError(f"it can't be made into a grammar: {str(error) or type(error).__name__}") from error


def _parts(schema: object, path: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Every schema inside ``schema``, itself included, with its path. References are not followed."""
    if isinstance(schema, bool) and path:
        return
    if not isinstance(schema, Mapping):
        raise GrammarError(f"{path or 'it'} must be an object")
    yield path, schema
    for keyword in _SCHEMA_MAPS:
        for name, part in _mapping(schema, path, keyword).items():
            yield from _parts(part, f"{path}.{keyword}.{name}")
    for keyword in _SCHEMA_LISTS:
        for index, part in enumerate(_list(schema, path, keyword)):
            yield from _parts(part, f"{path}.{keyword}[{index}]")
    for keyword in ("items", "additionalProperties"):
        if isinstance(part := schema.get(keyword, True), Mapping):
            yield from _parts(part, f"{path}.{keyword}")


def _mapping(schema: Mapping[str, object], path: str, keyword: str) -> Mapping[str, object]:
    value = schema.get(keyword, {})
    if not isinstance(value, Mapping):
        raise GrammarError(f"{path}.{keyword} must be an object")
    return value


def _list(schema: Mapping[str, object], path: str, keyword: str) -> list[object]:
    value = schema.get(keyword, [])
    if not isinstance(value, list):
        raise GrammarError(f"{path}.{keyword} must be a list")
    return value


def _check(path: str, schema: Mapping[str, object]) -> None:
    for keyword, value in schema.items():
        if keyword not in KEYWORDS | NOTES:
            raise GrammarError(f"{path}.{keyword} is not supported: leave it out, and check the answer for it yourself")
        if keyword in _REPEATS and not (isinstance(value, int) and 0 <= value <= MAX_REPEAT):
            raise GrammarError(f"{path}.{keyword} must be a whole number from 0 to {MAX_REPEAT}")
    if schema.get("format", "date") not in FORMATS:
        raise GrammarError(f"{path}.format is not supported: leave it out, or use one of {', '.join(sorted(FORMATS))}")
