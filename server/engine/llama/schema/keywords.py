"""Tables of JSON Schema's keywords: which of them restrict answers, and which types they apply to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.engine.base import GrammarError

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")

NOTES: Final = frozenset(
    (
        *("title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly"),
        *("$schema", "$id", "$comment", "$defs", "definitions", "discriminator"),
        *("contentEncoding", "contentMediaType", "contentSchema"),
    )
)
"""Keywords that don't restrict answers. Keywords that begin with ``x-`` don't either."""

OF_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset(
        (
            *("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
            *("minProperties", "maxProperties"),
        )
    ),
    "array": frozenset(("items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems")),
    "string": frozenset(("minLength", "maxLength", "pattern", "format")),
    "number": frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
}
"""Keywords that apply to one type only. They don't restrict answers of other types."""

LISTS_OF_SCHEMAS: Final = ("allOf", "anyOf", "oneOf")

KEYWORDS: Final = frozenset(("type", "const", "enum", "$ref", *LISTS_OF_SCHEMAS)).union(*OF_TYPE.values())
"""Every keyword that restricts answers."""

MAPPINGS_OF_SCHEMAS: Final = ("properties", "patternProperties", "$defs", "definitions")
SCHEMAS: Final = ("items", "additionalItems", "additionalProperties", "propertyNames")


def check(schema: Mapping[str, object], path: str) -> None:
    """Raise GrammarError for an unsupported keyword."""
    for keyword in schema:
        if keyword == "$id" and path:
            raise GrammarError(f"{path}.$id is supported at the root only")
        if not (keyword in KEYWORDS or is_note(keyword)):
            raise GrammarError(f"{path}.{keyword} is not supported: leave it out, and check the answer for it yourself")


def is_note(keyword: str) -> bool:
    """Tell whether a keyword does not restrict answers."""
    return keyword in NOTES or keyword.startswith("x-")


def assertions(schema: Mapping[str, object]) -> frozenset[str]:
    """Return the keywords of ``schema`` that restrict answers."""
    return frozenset(keyword for keyword in schema if not is_note(keyword))
