"""Each keyword: answers that its grammar allows, and answers that it doesn't."""

from typing import Any

import jsonschema
import pytest

from tests.server.engine.llama.schema.matching import allows, allows_value, grammar

OBJECT = {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]}
TREE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["value"],
}
COLOURS = {"enum": ["red", "green", "blue"]}
CAT = {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind"]}
DOG = {"type": "object", "properties": {"kind": {"const": "dog"}, "breed": {"type": "string"}}, "required": ["kind"]}

Case = tuple[dict[str, Any], list[Any], list[Any]]
CASES: list[Case] = [
    # Numbers.
    ({"type": "integer", "minimum": 3, "maximum": 17}, [3, 9, 10, 17], [2, 18, -3, 100, 3.5]),
    ({"type": "integer", "minimum": -20}, [-20, -1, 0, 10**15], [-21, -100]),
    ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10}, [1, 9], [0, 10, -1]),
    ({"type": "integer", "minimum": 2.5}, [3], [2]),
    ({"type": "number", "minimum": 0, "maximum": 1}, [0, 0.25, 1], [-0.1, 1.01, 2]),
    ({"type": "number", "exclusiveMinimum": 0}, [0.001, 7], [0, -1]),
    ({"type": "integer", "multipleOf": 7}, [0, 14, -21], [1, 15]),
    ({"type": "number", "multipleOf": 0.01}, [1.25, 3], [1.255]),
    ({"type": "integer", "multipleOf": 5, "minimum": 11, "maximum": 21}, [15, 20], [10, 25, 16]),
    ({"type": "integer"}, [0, -1, 2**53 - 1], [2**53, 1.5, "1", True]),
    ({"type": ["integer", "null"], "minimum": 1}, [1, None], [0, "x"]),
    # Strings.
    ({"type": "string", "pattern": "^a+b$"}, ["ab", "aaab"], ["b", "abc", "ab ", "xab"]),
    ({"type": "string", "pattern": "[0-9]{3}"}, ["123", "x123y"], ["12", "x"]),
    ({"type": "string", "pattern": "^\\d\\w\\s$"}, ["1a "], ["a1 ", "1a"]),
    ({"type": "string", "pattern": "^(?:a|b){2}\\.$"}, ["ab."], ["abc", "a."]),
    ({"type": "string", "pattern": "^[a[&~]$"}, ["[", "&", "~", "a"], ["b", ""]),
    ({"type": "string", "pattern": "^.$"}, ["a", "é", "漢"], ["", "ab", "\n", "\r"]),
    ({"type": "string", "pattern": '^["\\\\/]$'}, ['"', "\\", "/"], ["a"]),
    ({"type": "string", "pattern": "^[^a]*$", "minLength": 2, "maxLength": 3}, ["bb", "bcd"], ["b", "bab", "bbbb"]),
    ({"type": "string", "minLength": 2, "maxLength": 3}, ["ab", "漢字漢"], ["a", "abcd"]),
    ({"type": "string", "maxLength": 5000}, ["", "x" * 300], [5]),
    ({"type": "string", "format": "date"}, ["2024-02-29", "1999-12-31"], ["2023-02-29", "1900-02-29", "2024-04-31"]),
    ({"type": "string", "format": "time"}, ["10:00:00Z", "23:59:59.5+01:30"], ["24:00:00Z", "10:00:00", "10:60:00Z"]),
    ({"type": "string", "format": "date-time"}, ["2024-02-29T10:00:00Z"], ["2024-02-29", "2023-02-29T10:00:00Z"]),
    ({"type": "string", "format": "date", "pattern": "^2024"}, ["2024-01-01"], ["2023-01-01", "2024"]),
    ({"type": "string", "format": "uuid"}, ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], ["2eb8aa08", "x"]),
    (
        {"type": "string", "format": "uuid4"},
        ["2eb8aa08-aa98-41ea-b4aa-73b441d16380"],
        ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"],
    ),
    ({"type": "string", "format": "email"}, ["a@example.org"], ["a", "@example.org"]),
    ({"type": "string", "format": "ipv4"}, ["127.0.0.1"], ["127.0.0", "256.0.0.1"]),
    ({"type": "string", "format": "ipv6"}, ["::1"], ["127.0.0.1", ":::"]),
    ({"type": "string", "format": "hostname"}, ["example.org"], ["-a", "a b"]),
    ({"type": "string", "format": "uri"}, ["https://example.org/a?b#c"], ["a b", "/x"]),
    ({"type": "string", "format": "duration"}, ["P1DT2H"], ["1D", "P"]),
    # Values.
    (
        {"const": {"a": [1, None], "b": "x"}},
        [{"a": [1, None], "b": "x"}],
        [{"a": [1, None]}, {"a": [2, None], "b": "x"}],
    ),
    ({"enum": [1, "1", None, [1]]}, [1, "1", None, [1]], [2, "2", [2], True]),
    ({"type": ["string", "null"], "enum": ["red", None, 3]}, ["red", None], [3, "blue"]),
    ({"const": 'é"\\\n漢🙂'}, ['é"\\\n漢🙂'], ["é"]),
    # Arrays.
    (
        {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
        [[1], [1, 2]],
        [[], [1, 2, 3], ["x"]],
    ),
    (
        {"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
        [[], [1], [1, "x"]],
        [["x"], [1, "x", 2]],
    ),
    ({"prefixItems": [{"type": "integer"}], "items": {"type": "null"}, "minItems": 1}, [[1], [1, None]], [[], [1, 2]]),
    ({"items": [{"type": "integer"}], "additionalItems": False}, [[], [1]], [["x"], [1, 2]]),
    ({"type": "array", "items": COLOURS, "uniqueItems": True}, [[], ["blue", "red"]], [["red", "red"], ["pink"]]),
    (
        {"type": "array", "items": COLOURS, "uniqueItems": True, "minItems": 2, "maxItems": 2},
        [["blue", "red"], ["red", "blue"]],
        [["red"], ["red", "red"], ["red", "green", "blue"]],
    ),
    ({"type": "array", "items": {"enum": list(range(8))}, "uniqueItems": True}, [[0, 3, 7]], [[3, 3], [0, 3, 0]]),
    ({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True}, [[True, False]], [[True, True]]),
    ({"type": "array", "items": {"enum": [1, True, 1.0]}, "uniqueItems": True}, [[True, 1]], [[1, 1]]),
    ({"type": ["array", "null"], "items": COLOURS, "uniqueItems": True}, [None, ["red"]], [["red", "red"], "red"]),
    (
        {"type": "array", "items": {"$ref": "#/$defs/c"}, "uniqueItems": True, "$defs": {"c": COLOURS}},
        [["green", "red"]],
        [["green", "green"]],
    ),
    ({"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 1}, [[], ["x"]], [["x", "x"]]),
    ({"type": "array", "items": {"type": "string"}, "uniqueItems": False}, [["x", "x"]], [[1]]),
    # Objects.
    (OBJECT, [{"a": 1}, {"a": 1, "b": "x"}], [{}, {"b": "x"}, {"a": "x"}, {"a": 1, "c": 2}, 3]),
    (OBJECT | {"additionalProperties": False}, [{"a": 1}], [{"a": 1, "c": 2}]),
    (OBJECT | {"additionalProperties": True}, [{"a": 1}, {"a": 1, "c": [2]}], [{"a": "x"}]),
    (
        OBJECT | {"additionalProperties": {"type": "boolean"}},
        [{"a": 1, "c": True}, {"a": 1, "b": "x", "c": True, "d": False}],
        [{"a": 1, "c": 1}, {"c": True}, {"a": True}],
    ),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, [{}, {"x": 1, "y": 2}], [{"x": "1"}]),
    ({"type": "object", "required": ["a"]}, [{"a": "anything"}], [{}, {"b": 1}]),
    (
        {"type": "object", "required": ["z"], "additionalProperties": {"type": "null"}},
        [{"z": None, "x": None}],
        [{"z": 1}],
    ),
    ({"type": "object", "properties": {"a": True, "b": False}}, [{}, {"a": 1}], [{"b": 1}]),
    (
        {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False},
        [{}, {"x-a": 1}],
        [{"x-a": "1"}, {"y": 1}],
    ),
    (
        {"type": "object", "propertyNames": COLOURS, "additionalProperties": {"type": "integer"}},
        [{}, {"red": 1, "blue": 2}],
        [{"red": "x"}, {"pink": 1}],
    ),
    ({"type": "object", "propertyNames": {"pattern": "^a"}}, [{"ab": 1}], [{"b": 1}]),
    ({"type": "object", "propertyNames": {"minLength": 1, "maxLength": 2}}, [{"ab": 1}], [{"": 1}, {"abc": 1}]),
    ({"type": "object", "propertyNames": {"type": "string"}}, [{"ab": 1}], [3]),
    (
        {"type": "object", "minProperties": 1, "maxProperties": 2},
        [{"a": 1}, {"a": 1, "b": 2}],
        [{}, {"a": 1, "b": 2, "c": 3}],
    ),
    (OBJECT | {"minProperties": 1}, [{"a": 1}], [{}]),
    # Several schemas for one value.
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, [1, None], ["x", 1.5]),
    ({"anyOf": [{"type": "integer"}, {"type": "string"}], "maximum": 3}, [3, "x"], [4]),
    (
        {"oneOf": [CAT, DOG]},
        [{"kind": "cat", "lives": 9}, {"kind": "dog"}],
        [{"kind": "cow"}, {"kind": "cat", "breed": "x"}],
    ),
    ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, [1, "x"], [None]),
    ({"allOf": [{"type": "integer", "minimum": 1}, {"maximum": 9}]}, [1, 9], [0, 10]),
    (
        {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"$ref": "#/$defs/b"}], "type": "object"}
        | {"$defs": {"b": {"properties": {"b": {"const": 2}}, "required": ["b"]}}},
        [{"a": 1, "b": 2}],
        [{"a": 1}, {"b": 2}, {"a": 1, "b": 3}],
    ),
    ({"$ref": "#/$defs/n", "maximum": 5, "$defs": {"n": {"type": "integer", "minimum": 1}}}, [1, 5], [0, 6]),
    # References.
    (
        TREE,
        [{"value": 1}, {"value": 1, "children": [{"value": 2, "children": []}]}],
        [{}, {"value": 1, "children": [{}]}],
    ),
    ({"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": "null"}]}, [None, [], [[None], []]], [1, [1]]),
    ({"properties": {"a": {"const": 1}, "b": {"$ref": "#/properties/a"}}}, [{"a": 1, "b": 1}], [{"b": 2}]),
    ({"properties": {"a": {"$ref": "#/$defs/a~1b%20~0c"}}, "$defs": {"a/b ~c": {"const": 1}}}, [{"a": 1}], [{"a": 2}]),
    ({"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"const": 1}}}, [1], [2]),
    # What says nothing.
    ({"type": "integer", "format": "date", "maxLength": 2, "title": "a string is meant"}, [12345], ["2"]),
    (
        {"type": "null", "x-order": 1, "$comment": "x", "examples": [None], "default": 3, "deprecated": True},
        [None],
        [3],
    ),
    ({"type": "null", "x-guidance": {"lenient": True}}, [None], [3]),
]


@pytest.mark.parametrize(("schema", "right", "wrong"), CASES)
def test_answers_are_kept_to_each_keyword(schema: dict[str, Any], right: list[Any], wrong: list[Any]) -> None:
    compiled = grammar(schema)
    for value in right:
        assert allows_value(compiled, value), value
    for value in wrong:
        assert not allows_value(compiled, value), value


@pytest.mark.parametrize(("schema", "right", "wrong"), CASES)
def test_the_right_answers_of_each_case_obey_its_schema(
    schema: dict[str, Any], right: list[Any], wrong: list[Any]
) -> None:
    latest = "additionalItems" not in schema
    validator = (jsonschema.Draft202012Validator if latest else jsonschema.Draft7Validator)(schema)
    for value in right:
        validator.validate(value)


BLANKS = [
    ('{"a":1,"b":"x"}', True),
    ('{"a": 1, "b": "x"}', True),
    ('{ "a" : 1 , "b" : "x" }', True),
    ('{\n  "a": 1,\n\t"b": "x"\n}', True),
    ('{"a":  1}', False),
    ('{\n\n"a":1}', False),
    ("{\n" + " " * 21 + '"a":1}', False),
    (' {"a":1}', False),
    ('{"a":1} ', False),
    ('{"a":1}\n', False),
]


@pytest.mark.parametrize(("text", "allowed"), BLANKS)
def test_blanks_are_bounded_and_none_is_around_an_answer(text: str, allowed: bool) -> None:
    assert allows(grammar(OBJECT), text) is allowed


ESCAPES = [
    (r'"\n\t\"\\"', True),
    (r'"\u0041"', False),
    (r'"\ud800"', False),
    ('"\n"', False),
    ('"\x00"', False),
    (r'"\x"', False),
]


@pytest.mark.parametrize(("text", "allowed"), ESCAPES)
def test_a_string_has_one_spelling(text: str, allowed: bool) -> None:
    assert allows(grammar({"type": "string"}), text) is allowed


def test_no_property_is_named_by_another_spelling() -> None:
    """Otherwise the value of a named property could follow the rules of the other properties."""
    compiled = grammar(OBJECT | {"additionalProperties": {"type": "null"}})
    assert allows(compiled, '{"a":1,"c":null}')
    assert not allows(compiled, '{"a":1,"a":null}')
    assert not allows(compiled, r'{"a":1,"\u0061":null}')


def test_properties_come_in_the_schemas_order() -> None:
    compiled = grammar(OBJECT)
    assert allows(compiled, '{"a":1,"b":"x"}')
    assert not allows(compiled, '{"b":"x","a":1}')


EXPRESSION = {
    "$ref": "#/$defs/expression",
    "$defs": {
        "expression": {"oneOf": [{"$ref": "#/$defs/number"}, {"$ref": "#/$defs/sum"}]},
        "number": {"properties": {"kind": {"const": "n"}, "n": {"enum": [0, 1]}}, "required": ["kind", "n"]},
        "sum": {
            "properties": {"kind": {"const": "+"}, "of": {"type": "array", "items": {"$ref": "#/$defs/expression"}}},
            "required": ["kind", "of"],
        },
    },
}


def test_alternatives_may_be_named_and_contain_themselves() -> None:
    compiled = grammar(EXPRESSION)
    assert allows_value(compiled, {"kind": "+", "of": [{"kind": "n", "n": 1}, {"kind": "+", "of": []}]})
    assert not allows_value(compiled, {"kind": "+", "of": [{"kind": "n", "n": 2}]})
    assert not allows_value(compiled, {"kind": "n", "of": []})
