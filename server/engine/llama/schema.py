"""From a JSON schema to the nodes that a grammar is made of. Pure.

What an answer has to obey is all of the schema: a keyword that no rule is made for is refused, with its path. Keywords
that speak of another type than the node's have nothing to say, and are passed over as JSON Schema has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from server.engine.base import GrammarError
from server.engine.llama.nodes import Array, Either, FixedArray, Map, Node, Object, Plain, Ref, Schema, Text, Values

MAX_DEPTH: Final = 64
MAX_REPEAT: Final = 1000
"""The largest minItems, maxItems, minLength and maxLength. llama.cpp makes a rule for each repetition, and refuses more
than 2,000."""

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")
FORMATS: Final = ("date", "time", "date-time", "uuid", "uuid1", "uuid2", "uuid3", "uuid4", "uuid5")
NOTES: Final = frozenset(
    (
        *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
        *("$schema", "$id", "$comment", "$defs", "definitions"),
    )
)
"""Keywords that say nothing about which answers are right."""

_OF_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset(("properties", "required", "additionalProperties")),
    "array": frozenset(("items", "prefixItems", "minItems", "maxItems")),
    "string": frozenset(("minLength", "maxLength", "format")),
}
_ALONE: Final = ("$ref", "anyOf", "oneOf", "allOf", "const", "enum")
"""Each of these says all; beside it only notes may stand, and a type beside values."""

KEYWORDS: Final = frozenset(("type", *_ALONE)).union(*_OF_TYPE.values())


def read(schema: Mapping[str, object]) -> Schema:
    """Raises GrammarError, which names the keyword and its path."""
    named = {
        f"#/{keyword}/{name}": (part, f".{keyword}.{name}")
        for keyword in ("$defs", "definitions")
        for name, part in _mapping(schema, "", keyword).items()
    }
    reader = _Reader(frozenset(named))
    definitions = {ref: reader.node(part, path, 1) for ref, (part, path) in named.items()}
    return Schema(reader.node(schema, "", 0), definitions)


class _Reader:
    def __init__(self, refs: frozenset[str]) -> None:
        self._refs = refs

    def node(self, schema: object, path: str, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise GrammarError(f"it is nested deeper than {MAX_DEPTH} levels")
        if schema is True:
            return Plain("any")
        if not isinstance(schema, Mapping):
            raise GrammarError(f"{path or 'it'} must be an object")
        _check_keywords(schema, path)
        for keyword in _ALONE:
            if keyword in schema:
                return self._alone(keyword, schema, path, depth)
        types = _types(schema, path)
        nodes = tuple(self._typed(name, schema, path, depth) for name in types)
        return nodes[0] if len(nodes) == 1 else Either(nodes)

    def _alone(self, keyword: str, schema: Mapping[str, object], path: str, depth: int) -> Node:
        beside = {"type"} if keyword in ("const", "enum") else set()
        if others := sorted(schema.keys() - NOTES - beside - {keyword}):
            raise GrammarError(f"{path}.{others[0]} is not supported beside {keyword}")
        if keyword == "$ref":
            return self._ref(schema["$ref"], path)
        if keyword == "const":
            return _values([schema["const"]], schema, f"{path}.const")
        parts = _list(schema, path, keyword)
        if not parts:
            raise GrammarError(f"{path}.{keyword} must not be empty")
        if keyword == "enum":
            return _values(parts, schema, f"{path}.enum")
        if keyword == "allOf" and len(parts) > 1:
            raise GrammarError(f"{path}.allOf is supported with a single schema only: write them as one")
        nodes = self._nodes(parts, f"{path}.{keyword}", depth)
        return nodes[0] if len(nodes) == 1 else Either(nodes)

    def _nodes(self, parts: list[object], path: str, depth: int) -> tuple[Node, ...]:
        return tuple(self.node(part, f"{path}[{index}]", depth + 1) for index, part in enumerate(parts))

    def _ref(self, ref: object, path: str) -> Node:
        if not isinstance(ref, str) or ref not in self._refs:
            raise GrammarError(
                f"{path}.$ref must name a definition of this schema, such as #/$defs/NAME, not {ref!r:.80}"
            )
        return Ref(ref)

    def _typed(self, name: str, schema: Mapping[str, object], path: str, depth: int) -> Node:
        if name == "object":
            return self._object(schema, path, depth)
        if name == "array":
            return self._array(schema, path, depth)
        if name == "string":
            return _string(schema, path)
        return Plain(name)

    def _object(self, schema: Mapping[str, object], path: str, depth: int) -> Node:
        properties = _mapping(schema, path, "properties")
        others = schema.get("additionalProperties", True)
        required = _list(schema, path, "required")
        for name in required:
            if name not in properties:
                raise GrammarError(f"{path}.required names {name!r:.80}, which is not among the properties")
        if properties and not isinstance(others, bool):
            raise GrammarError(f"{path}.additionalProperties is supported as true or false, beside properties")
        if properties or others is False:
            return Object(
                tuple(
                    (name, self.node(part, f"{path}.properties.{name}", depth + 1), name in required)
                    for name, part in properties.items()
                )
            )
        return Map(self.node(others, f"{path}.additionalProperties", depth + 1))

    def _array(self, schema: Mapping[str, object], path: str, depth: int) -> Node:
        least, most = _range(schema, path, "minItems", "maxItems")
        items = schema.get("items", True)
        if "prefixItems" in schema:
            parts = _list(schema, path, "prefixItems")
            if not parts:
                raise GrammarError(f"{path}.prefixItems must not be empty")
            if not isinstance(items, bool):
                raise GrammarError(f"{path}.items is supported as false only, beside prefixItems")
            if not least <= len(parts) <= (len(parts) if most is None else most):
                raise GrammarError(f"{path}.prefixItems has another length than minItems and maxItems ask for")
            return FixedArray(self._nodes(parts, f"{path}.prefixItems", depth))
        if items is False and least == 0:
            return FixedArray(())
        return Array(self.node(items, f"{path}.items", depth + 1), least, most)


def _check_keywords(schema: Mapping[str, object], path: str) -> None:
    for keyword in schema:
        if keyword not in KEYWORDS and keyword not in NOTES:
            raise GrammarError(f"{path}.{keyword} is not supported: leave it out, and check the answer for it yourself")
    if schema.get("format", "date") not in FORMATS:
        raise GrammarError(f"{path}.format is not supported: leave it out, or use one of {', '.join(FORMATS)}")


def _types(schema: Mapping[str, object], path: str) -> tuple[str, ...]:
    """The types that a node may have; where none is given those that its keywords speak of, or else any."""
    given = schema.get("type")
    if given is None:
        spoken_of = tuple(name for name, keywords in _OF_TYPE.items() if keywords & schema.keys())
        return spoken_of or ("any",)
    names = given if isinstance(given, list) and given else [given]
    for name in names:
        if name not in TYPES:
            raise GrammarError(f"{path}.type must be one of {', '.join(TYPES)}, or a list of them")
    return tuple(names)


def _string(schema: Mapping[str, object], path: str) -> Node:
    least, most = _range(schema, path, "minLength", "maxLength")
    limited = bool(least) or most is not None
    if "format" not in schema:
        return Text(least, most) if limited else Plain("string")
    if limited:
        raise GrammarError(f"{path}.format is not supported beside minLength and maxLength")
    return Plain(str(schema["format"]))


def _range(schema: Mapping[str, object], path: str, lower: str, upper: str) -> tuple[int, int | None]:
    least, most = schema.get(lower, 0), schema.get(upper)
    for keyword, value in ((lower, least), (upper, 0 if most is None else most)):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_REPEAT:
            raise GrammarError(f"{path}.{keyword} must be a whole number from 0 to {MAX_REPEAT}")
    assert isinstance(least, int) and (most is None or isinstance(most, int))
    if most is not None and least > most:
        raise GrammarError(f"{path}.{lower} is greater than {upper}")
    return least, most


def _values(values: Iterable[object], schema: Mapping[str, object], path: str) -> Values:
    types = _types(schema, path.rpartition(".")[0]) if "type" in schema else ("any",)
    for value in values:
        if "any" not in types and not any(_is(value, name) for name in types):
            raise GrammarError(f"{path} has a value that is not of the type beside it")
    try:
        return Values(tuple(dict.fromkeys(map(text_of, values))))
    except (ValueError, RecursionError) as error:
        raise GrammarError(f"{path} has a value that is no JSON: {error}") from None


def text_of(value: object) -> str:
    """``value`` as JSON, readable where that is possible."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text if text.isascii() or _is_unicode(text) else json.dumps(value)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is(value: object, name: str) -> bool:
    if isinstance(value, bool) or value is None:
        return name == ("null" if value is None else "boolean")
    if name == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    kinds = {"object": Mapping, "array": list, "string": str, "number": (int, float)}
    return name in kinds and isinstance(value, kinds[name])  # type: ignore[arg-type]


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
