"""Unsupported schemas are refused, with the keyword and its path."""

import json
import time
from typing import Any

import pytest

from server.engine.base import GrammarError
from tests.server.engine.llama.schema.matching import grammar


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def chain(length: int) -> dict[str, Any]:
    """Return definitions, each of which refers to the next."""
    definitions: dict[str, Any] = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": definitions | {f"d{length}": {"type": "null"}}}


BAD = [
    # Keywords.
    ({"properties": {"a": {"anyOf": [{"not": {}}]}}}, r"^\.properties\.a\.anyOf\[0\]\.not is not supported"),
    ({"$defs": {"a": {"if": {}}}}, r"^\.\$defs\.a\.if is not supported"),
    ({"items": {"contains": {}}}, r"^\.items\.contains is not supported"),
    ({"dependentRequired": {}}, r"^\.dependentRequired is not supported"),
    ({"unevaluatedProperties": False}, r"^\.unevaluatedProperties is not supported"),
    ({"patternProperties": {"^a": {"requird": []}}}, r"^\.patternProperties\.\^a\.requird is not supported"),
    ({"additionalProperties": {"nullable": True}}, r"^\.additionalProperties\.nullable is not supported"),
    ({"prefixItems": [{"$dynamicRef": "#a"}]}, r"^\.prefixItems\[0\]\.\$dynamicRef is not supported"),
    # Patterns and formats.
    ({"type": "string", "pattern": "a(?=b)"}, r"^\.pattern can't be enforced: look-around"),
    ({"properties": {"a": {"pattern": r"(a)\1"}}}, r"^\.properties\.a\.pattern can't be enforced: backreferences"),
    ({"anyOf": [{"type": "null"}, {"items": {"pattern": "("}}]}, r"^\.anyOf\[1\]\.items\.pattern can't be enforced"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"pattern": "["}}}, r"^\.\$defs\.a\.pattern can't be enforced"),
    ({"pattern": "^[a--b]$"}, r"^\.pattern has -- between brackets"),
    ({"pattern": "[]"}, r"^\.pattern has empty brackets"),
    ({"pattern": 3}, r"^\.pattern must be a string"),
    ({"type": "string", "format": "unknown"}, r"^\.format is not supported"),
    ({"properties": {"a": {"format": "regex"}}}, r"^\.properties\.a\.format is not supported"),
    ({"allOf": [{"pattern": f"a{n}"} for n in range(9)]}, r"^\.allOf\[8\]: too many patterns"),
    # Numbers.
    (
        {"type": "integer", "minimum": 5, "maximum": 3},
        r"can't be enforced: .*minimum \(5\) is greater than maximum \(3\)",
    ),
    ({"items": {"minimum": "3"}}, r"^\.items\.minimum must be a number"),
    ({"exclusiveMinimum": True, "minimum": 3}, r"^\.exclusiveMinimum must be a number"),
    ({"maximum": 10**20}, r"^\.maximum must be at most"),
    ({"multipleOf": 0}, r"^\.multipleOf must be greater than 0"),
    ({"multipleOf": -2}, r"^\.multipleOf must be greater than 0"),
    ({"multipleOf": 10**9 + 7}, r"^\.multipleOf is supported up to"),
    ({"type": "integer", "multipleOf": 7, "minimum": 8, "maximum": 13}, "can't be enforced"),
    ({"minLength": -1}, r"^\.minLength must be an integer of 0 or more"),
    ({"maxItems": 1.5}, r"^\.maxItems must be an integer of 0 or more"),
    ({"maxLength": True}, r"^\.maxLength must be a number"),
    ({"minItems": 3, "maxItems": 2}, r"^\.maxItems is less than minItems"),
    # Arrays.
    ({"items": {"uniqueItems": True}}, r"^\.items\.uniqueItems is supported only where items has a list of values"),
    ({"items": {"type": "string"}, "uniqueItems": True}, r"^\.uniqueItems is supported only where"),
    ({"items": {"enum": list(range(9))}, "uniqueItems": True}, r"^\.uniqueItems has too many values"),
    ({"items": {"enum": [1, 2]}, "uniqueItems": True, "minItems": 3}, r"^\.minItems is more than there are different"),
    ({"prefixItems": {}}, r"^\.prefixItems must be a list"),
    ({"items": 3}, r"^\.items must be an object"),
    # Objects.
    ({"properties": []}, r"^\.properties must be an object"),
    ({"properties": {"a": 1}}, r"^\.properties\.a must be an object"),
    ({"required": "b"}, r"^\.required must be a list"),
    ({"required": [1]}, r"^\.required must be a list of strings"),
    ({"minProperties": 2}, r"^\.minProperties is supported up to one more"),
    ({"properties": {"a": True, "b": True, "c": True}, "minProperties": 2}, r"^\.minProperties can't be enforced"),
    ({"patternProperties": {"^a": {}, "^ab": {}}}, r"^\.patternProperties can't be enforced: .* not disjoint"),
    ({"patternProperties": {f"^{n}": {} for n in range(21)}}, r"^\.patternProperties is supported with up to 20"),
    ({"propertyNames": {"format": "date"}}, r"^\.propertyNames is supported with"),
    ({"propertyNames": {"pattern": "a"}, "properties": {"b": {}}}, r"^\.propertyNames is not supported beside"),
    ({"properties": {f"p{n}": {} for n in range(1001)}}, r"^\.properties is supported with up to 1000"),
    # References.
    ({"$ref": "https://example.com/schema.json"}, r"^\.\$ref must be # or begin with #/"),
    ({"$ref": "file:///etc/passwd"}, r"^\.\$ref must be # or begin with #/"),
    ({"$ref": "#/$defs/absent"}, r"^\.\$ref names '#/\$defs/absent', which is not in this schema"),
    ({"properties": {"a": {"$ref": 3}}}, r"^\.properties\.a\.\$ref must be #"),
    ({"$ref": "#"}, r"^it contains itself"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "contains itself"),
    ({"properties": {"a": {"$ref": "#"}}, "required": ["a"]}, r"contains itself, so that no answer ever ends"),
    ({"items": {"$ref": "#"}, "minItems": 1}, r"contains itself"),
    ({"properties": {"a": {"$id": "x"}}}, r"^\.properties\.a\.\$id is supported at the root only"),
    # Values and alternatives.
    ({"anyOf": []}, r"^\.anyOf must not be empty"),
    ({"anyOf": {}}, r"^\.anyOf must be a list"),
    ({"anyOf": [3]}, r"^\.anyOf\[0\] must be an object"),
    ({"enum": []}, r"^\.enum must not be empty"),
    ({"type": "integer", "const": True}, "can't be enforced"),
    ({"const": float("nan")}, r"^\.const has a number that is not valid JSON"),
    ({"const": 2**53}, r"^\.const has the integer 9007199254740992"),
    ({"enum": [10**400]}, r"^\.enum has the integer"),
    ({"enum": [{"a": ["\ud800"]}]}, r"^\.enum has half of a surrogate pair"),
    ({"const": "\x01"}, r"^\.const has a control character"),
    ({"enum": ["a\x7f"]}, r"^\.enum has a control character"),
    ({"properties": {"\x01": {}}}, r"^\.properties has a control character"),
    ({"type": "strnig"}, r"^\.type must be one of object"),
    ({"type": []}, r"^\.type must be one of object"),
    ({"type": [{}]}, r"^\.type must be one of object"),
    ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, r"^\.oneOf can't be enforced: a value could obey several"),
    (
        {"items": {"oneOf": [{"const": 1}, {"const": 1}]}},
        r"^\.items\.oneOf can't be enforced: a value could obey several",
    ),
    ({"allOf": [{"type": "integer"}, {"type": "string"}]}, "can't be enforced"),
    ({"properties": {"a": False}, "required": ["a"]}, "can't be enforced"),
    # Size.
    (nested(200), "^it is nested deeper than"),
    (nested(10_000), "^it is nested deeper than"),
    (chain(2000), "^it has more than 500 definitions"),
    (
        {"anyOf": [{"items": {"type": "string", "maxLength": n}} for n in range(1500)]},
        r"^\.anyOf can't be enforced: there are too many alternatives at once",
    ),
]


@pytest.mark.parametrize(("schema", "message"), BAD)
def test_unsupported_keywords_are_refused_with_their_path(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(GrammarError, match=message) as refused:
        grammar(schema)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 600


def doubled(levels: int, keyword: str) -> dict[str, Any]:
    """Return references that fan out: 2 to the power of ``levels`` ways to the same end."""
    definitions: dict[str, Any] = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": definitions | {f"d{levels}": {"type": "object"}}}


LARGE = [
    chain(400),
    doubled(90, "anyOf"),
    doubled(30, "allOf"),
    {"allOf": [{"anyOf": [{"required": [f"a{n}"]}, {"required": [f"b{n}"]}]} for n in range(20)], "type": "object"},
    {"type": "integer", "multipleOf": 19_997},
    {"type": "object", "properties": {f"p{n}": {"pattern": f"^.*a{n}.{{50}}$"} for n in range(400)}},
    {"patternProperties": {f"^a{n}b.*c.*d.*{n}$": {} for n in range(20)}},
    {"enum": [f"v{n}" for n in range(7000)]},
    {"oneOf": [{"properties": {f"k{n}": {"const": n}}, "required": [f"k{n}"]} for n in range(600)]},
    {"items": {"enum": [1, 2, 3, 4, 5]}, "uniqueItems": True},
]


@pytest.mark.parametrize("schema", LARGE)
def test_large_schemas_are_compiled_or_refused_with_bounded_work(schema: dict[str, Any]) -> None:
    """Limits in seconds of this thread's CPU time, which other programs don't increase."""
    before = time.thread_time()
    try:
        grammar(schema)
    except GrammarError:
        pass
    assert time.thread_time() - before < 20


def test_a_schema_is_not_harmed() -> None:
    schema = {"items": [{"enum": [1, 1]}], "properties": {"a": {"pattern": "."}}, "required": ["b"]}
    before = json.dumps(schema)
    grammar(schema)
    assert json.dumps(schema) == before
