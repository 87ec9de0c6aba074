"""Patterns of the kit, and the values that are filled into them."""

from typing import Any

import pytest

from protocol.conformance.matching import mismatch, show
from protocol.conformance.placeholders import UnknownVariable, expand

VARIABLES = {"welcome": {"limits": {"active": 17}, "list": ["a", "b"]}, "text": "one two"}


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (1, 1),
        (1, 1.0),
        (None, None),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"$absent": True}}, {"b": 2}),
        ({"a": {"$any": True}}, {"a": None}),
        ({"$re": "^a.c$"}, "abc"),
        ({"$min": 1, "$max": 3}, 2.5),
        ({"$in": [1, {"$re": "x"}]}, "axb"),
        ({"$not": 1}, 2),
        ({"$is": "whole"}, 3),
        ({"$is": "boolean"}, True),
        ({"$len": {"$min": 2}}, "ab"),
        ({"$each": {"$is": "string"}}, ["a"]),
        ({"$has": {"id": 1}}, [{"id": 2}, {"id": 1}]),
        ({"$holds": "b"}, "abc"),
        ({"$all": [{"$re": "a"}, {"$re": "b"}]}, "ab"),
        ([1, {"$min": 2}], [1, 2]),
    ],
)
def test_what_fits(pattern: Any, value: Any) -> None:
    assert mismatch(pattern, value) is None


@pytest.mark.parametrize(
    ("pattern", "value", "told"),
    [
        (1, 2, "it is 2, not 1"),
        (1, True, "it is true, not 1"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b is 2, not 1"),
        ({"a": 1}, {}, "a is missing"),
        ({"a": {"$re": "x"}}, {}, "a is missing"),
        ({"a": 1}, [], "it is [], not an object"),
        ({"a": {"$absent": True}}, {"a": 0}, "a is there: 0"),
        ({"$min": 1}, True, "it is true, less than 1"),
        ({"$max": 1}, 2, "it is 2, more than 1"),
        ({"$is": "number"}, True, 'it is true, not of type "number"'),
        ({"$each": 1}, [1, 2], "[1] is 2, not 1"),
        ({"$each": 1}, 1, "it is 1, not a list"),
        ({"$len": 1}, "ab", "length of it is 2, not 1"),
        ({"$not": {"$re": "a"}}, "a", 'it is "a", which it must not be'),
        ([1], [1, 2], "it is [1, 2], not [1]"),
        ([1, 2], [1, 3], "[1] is 3, not 2"),
        ({"$all": [1, 2]}, 1, "it is 1, not 2"),
    ],
)
def test_what_does_not_fit(pattern: Any, value: Any, told: str) -> None:
    assert mismatch(pattern, value) == told


def test_long_values_are_cut() -> None:
    assert show("x" * 500) == "x" * 120 + "… (500 characters)"
    assert show(b"x") == "b'x'"
    assert show("\ud83d") == '"\\ud83d"'


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("@g1", "run.g1"),
        ("${@g1}.x", "run.g1.x"),
        ("$welcome.limits.active", 17),
        ("${welcome.limits.active} of ${text}", "17 of one two"),
        ("$welcome.list.1", "b"),
        ("costs 5$", "costs 5$"),
        ({"$plus": ["$welcome.limits.active", 1]}, 18),
        ({"$repeat": ["ab", 2]}, "abab"),
        ({"$count": 3}, "1 2 3"),
        ({"$nested": 2}, "[[]]"),
        ({"$slice": ["$text", 1, 3]}, "ne"),
        ({"$before": ["$text", " "]}, "one"),
        ({"$min": {"$plus": [1, 2]}}, {"$min": 3}),
        (("@a", [None, 1]), ["run.a", [None, 1]]),
    ],
)
def test_values_are_filled_in(value: Any, filled: Any) -> None:
    assert expand(value, VARIABLES, "run") == filled


@pytest.mark.parametrize("value", ["$nobody", "$welcome.no", "$welcome.list.7", "$welcome.list.x", "${text.x}"])
def test_unknown_variables_are_reported(value: str) -> None:
    with pytest.raises(UnknownVariable):
        expand(value, VARIABLES, "run")
