"""Schemas become grammars, and the starter model's answers follow them with any seed."""

import json
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from llguidance import LLParserLimits

from server.engine.base import FinishReason, JsonInText, Limit
from server.engine.llama import json_grammar
from tests.server.engine.llama.schema.matching import model, single_bytes
from tests.server.engine.starter import StarterBench

TREE = {
    "$ref": "#/$defs/tree",
    "$defs": {
        "tree": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2},
            },
            "required": ["value"],
        }
    },
}
EXPRESSION = {
    "$ref": "#/$defs/expression",
    "$defs": {
        "expression": {"anyOf": [{"$ref": "#/$defs/number"}, {"$ref": "#/$defs/sum"}]},
        "number": {"type": "object", "properties": {"number": {"enum": [0, 1, 2]}}, "required": ["number"]},
        "sum": {
            "type": "object",
            "properties": {"left": {"$ref": "#/$defs/expression"}, "right": {"$ref": "#/$defs/expression"}},
            "required": ["left", "right"],
        },
    },
}
SHORT = {"type": "string", "maxLength": 12}


def objects() -> Iterator[dict[str, Any]]:
    """Return every choice of required properties among three."""
    for chosen in range(8):
        yield {
            "type": "object",
            "properties": {"name": SHORT, "age": {"type": "integer"}, "tall": {"type": "boolean"}},
            "required": [name for n, name in enumerate(("name", "age", "tall")) if chosen >> n & 1],
        }


def arrays() -> Iterator[dict[str, Any]]:
    for least, most in ((0, 0), (0, 1), (1, 1), (0, 3), (2, 3), (3, 3), (1, 4)):
        yield {"type": "array", "items": {"enum": [1, 2]}, "minItems": least, "maxItems": most}
    yield {"type": "array", "items": {"type": "array", "items": {"type": "null"}, "maxItems": 2}, "minItems": 1}
    yield {"type": "array", "minItems": 1, "maxItems": 2}
    yield {"type": "array", "items": False}
    yield {"prefixItems": [SHORT, {"type": "integer"}, {"const": None}], "items": False}
    yield {"type": "array", "prefixItems": [{"type": "boolean"}, True], "minItems": 2, "maxItems": 2}


def values() -> Iterator[dict[str, Any]]:
    for value in (
        "",
        'a "quoted" word',
        "back\\slash",
        "two\nlines",
        "\t\b\f\r\x85\u2028\uffff",
        "é漢🙂",
        "\\u0041",
        "\\n",
        "]-[^",
    ):
        yield {"const": value}
        yield {"type": "object", "properties": {value: {"const": value}}, "required": [value]}
    yield {"enum": [None, True, -1, 2.5, 1e30, "x", [1, {"a": []}], {"deep": {"er": "🙂"}}]}
    yield {"type": ["string", "null"], "enum": ["red", "green", None]}
    yield {"type": "string", "enum": [f"word {n}" for n in range(300)]}


def texts() -> Iterator[dict[str, Any]]:
    for least, most in ((0, 0), (0, 5), (5, 5), (3, 20)):
        yield {"type": "string", "minLength": least, "maxLength": most}
    for name in ("date", "time", "date-time", "uuid", "uuid1", "uuid4"):
        yield {"type": "string", "format": name}


def others() -> Iterator[dict[str, Any]]:
    yield from ({"type": name} for name in ("integer", "number", "boolean", "null"))
    yield {"type": ["integer", "string", "array"], "maxLength": 4, "maxItems": 1, "items": {"type": "null"}}
    yield {"type": ["object", "null"], "properties": {"a": {"type": "null"}}, "required": ["a"]}
    yield {"maxLength": 3}
    yield {"anyOf": [{"type": "integer"}, {"type": "null"}, {"type": "boolean"}]}
    yield {"oneOf": [{"const": 1}, {"const": "1"}]}
    yield {"allOf": [{"type": "integer"}], "description": "a number"}
    yield {"allOf": [{"type": "integer", "minimum": 1}, {"maximum": 9}]}
    yield {"type": "integer", "minimum": -5, "maximum": 120}
    yield {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "uniqueItems": True, "minItems": 2}
    yield {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"}
    yield {"type": "array", "items": {"$ref": "#"}, "maxItems": 2}
    yield {
        "properties": {"a": {"type": "null"}},
        "required": ["a"],
        "additionalProperties": {"type": "integer"},
        "maxProperties": 3,
    }
    yield {"type": "object", "additionalProperties": {"type": "integer"}}
    yield {"type": "object", "additionalProperties": False}
    yield {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "additionalProperties": {"maxLength": 3}}
    yield {"type": "integer", "format": "date", "maxLength": 2, "title": "speaks of strings, which this is not"}
    yield TREE
    yield EXPRESSION


def names_that_meet() -> Iterator[dict[str, Any]]:
    """Names that also occur elsewhere in a schema, or that equal those of built-in rules."""
    yield {
        "properties": {"foo": {"enum": ["x"]}, "bar": {"$ref": "#/$defs/foo"}, "baz": {"$ref": "#/definitions/foo"}},
        "required": ["foo", "bar", "baz"],
        "$defs": {"foo": {"enum": [1]}},
        "definitions": {"foo": {"type": "null"}},
    }
    yield {
        "properties": {"root": {"type": "null"}, "a": {"$ref": "#/$defs/string"}, "*": {"const": 2}, "": {"const": 3}},
        "required": ["root", "a", "*", ""],
        "$defs": {"string": {"type": "integer"}, "a b/c": {"type": "null"}},
    }


SCHEMAS = [*objects(), *arrays(), *values(), *texts(), *others(), *names_that_meet()]


@pytest.fixture(scope="module")
def bench() -> Iterator[StarterBench]:
    bench = StarterBench(parallel=8)
    yield bench
    bench.close()


def test_every_answer_that_stops_parses_and_obeys(bench: StarterBench) -> None:
    assert len(SCHEMAS) >= 60
    stopped = 0
    asked = [(f"schema {seed}", schema, seed) for seed, schema in enumerate(SCHEMAS)]
    for id, schema, seed in asked:
        grammar = bench.engine.grammar(schema)
        temperature = (0.8, 2.0)[seed % 2]
        bench.submit(id, seed=seed, temperature=temperature, top_k=0, top_p=1.0, grammar=grammar, max_tokens=150)
    for id, schema, _ in asked:
        finished = bench.recorder.finished(id)
        assert finished.reason in (FinishReason.STOP, FinishReason.LENGTH), finished.error
        if finished.reason is FinishReason.STOP:
            text = bench.recorder.text(id)
            jsonschema.Draft202012Validator(schema).validate(json.loads(text))
            stopped += 1
        else:
            assert finished.limit is Limit.MAX_TOKENS
    assert stopped > 0.9 * len(asked), f"only {stopped} of {len(asked)} came to an end"


def test_any_json_parses(bench: StarterBench) -> None:
    grammar = bench.engine.grammar({})
    parsed = 0
    for seed in range(40):
        bench.submit(f"any {seed}", seed=seed, temperature=1.5, top_k=0, top_p=1.0, grammar=grammar, max_tokens=80)
    for seed in range(40):
        if bench.recorder.finished(f"any {seed}").reason is FinishReason.STOP:
            json.loads(bench.recorder.text(f"any {seed}"))
            parsed += 1
    assert parsed > 5


def test_max_tokens_in_the_middle_is_reported_as_length(bench: StarterBench) -> None:
    grammar = bench.engine.grammar({"type": "string", "minLength": 500})
    _, finished = bench.ask(grammar=grammar, max_tokens=20)
    assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.MAX_TOKENS)


def test_an_answer_whose_grammar_fails_fails_alone(bench: StarterBench) -> None:
    _, finished = bench.ask(grammar="no grammar", max_tokens=20)
    assert finished.reason is FinishReason.FAILED
    assert finished.error is not None and "the grammar of this answer can't be read" in finished.error
    assert bench.ask(max_tokens=3)[1].reason is FinishReason.LENGTH


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def doubled(levels: int) -> dict[str, Any]:
    """Return a text with 2 to the power of ``levels`` readings."""
    definitions: dict[str, Any] = {"d0": {"type": "integer"}}
    for n in range(levels):
        inner = {"x": {"$ref": f"#/$defs/d{n}"}}
        either = [{"properties": inner | {name: {"type": "null"}}, "required": ["x", name]} for name in "yz"]
        definitions[f"d{n + 1}"] = {"anyOf": either}
    return {"$ref": f"#/$defs/d{levels}", "$defs": definitions}


def test_a_schema_is_not_harmed(bench: StarterBench) -> None:
    before = json.dumps(TREE)
    bench.engine.grammar(TREE)
    assert json.dumps(TREE) == before


LARGE = [
    {"type": "object", "properties": {f"p{n}": {"type": "integer"} for n in range(900)}},
    {"enum": [f"{'x' * 40} {n}" for n in range(900)]},
    {"type": "array", "items": {"enum": [f"{'x' * 40} {n}" for n in range(900)]}},
    {"type": "string", "minLength": 1000, "maxLength": 10**9},
    {"type": "string", "pattern": "^((a{0,100}){0,100}){0,100}$"},
    {"type": "string", "pattern": "^(.*a.{200}|.*b.{200}|.*c.{100})$"},
    {"type": "array", "minItems": 10**9, "items": {"enum": list(range(9000))}},
    {"type": "array", "items": {"type": "array", "items": {"type": "string", "maxLength": 1000}, "maxItems": 1000}},
    doubled(90),
    nested(60),
]


@pytest.mark.parametrize("schema", LARGE)
def test_the_largest_schemas_are_written_with_others_beside_them(bench: StarterBench, schema: dict[str, Any]) -> None:
    id = f"large {LARGE.index(schema)}"
    bench.submit(id, seed=1, temperature=1.0, grammar=bench.engine.grammar(schema), max_tokens=8)
    bench.submit(f"beside {id}", max_tokens=8, **bench.never_ending)
    for each in (id, f"beside {id}"):
        assert bench.recorder.finished(each).reason in (FinishReason.LENGTH, FinishReason.STOP)


def test_an_answer_uses_up_none_of_what_another_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """llguidance counts the states of its lexer, and copies of a matcher share the count."""
    limits = LLParserLimits(max_lexer_states=3000, verbose_errors=False)
    monkeypatch.setattr(json_grammar, "LIMITS", limits)
    compiled = model().grammar({"type": "string", "pattern": "^[ab]*a[ab]{14}$"})
    for seed in range(12):
        dice = random.Random(seed)
        matcher = model()._grammars.matcher(compiled)
        matcher.accept(single_bytes()[ord('"')])
        for _ in range(400):
            matcher.accept(single_bytes()[dice.choice(b"ab")])


CALL = {"type": "object", "properties": {"name": {"const": "add"}}, "required": ["name"]}
CALLED = '<tool_call>\n{"name": "add"}\n</tool_call>'


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Hello, {world} </tool_call> <tool", ""),
        (f"Hi {CALLED} more {CALLED}{CALLED}", ""),
        ("Hi <tool_call>", "x"),
        ('<tool_call>{"name": "', "b"),
        ('<tool_call>{"name": "add"}', "}"),
        (f"{CALLED}<tool_call>", "n"),
    ],
)
def test_json_between_marks_in_a_text(text: str, wrong: str) -> None:
    grammars = model()._grammars
    matcher = grammars.matcher(grammars.compile(JsonInText("<tool_call>", (("", CALL),), "</tool_call>")))
    for token in _tokens(text):
        assert matcher.allows(token)
        matcher.accept(token)
    vocabulary = grammars._vocabulary()
    assert {matcher.allows(token) for token in (*vocabulary.ends, *vocabulary.specials)} == {not wrong}
    assert not wrong or not matcher.allows(_tokens(wrong)[-1])


def _tokens(text: str) -> list[int]:
    tokenized: list[int] = model().tokenize(text)
    return tokenized[1:]  # without the token that begins a prompt
