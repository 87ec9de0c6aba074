"""Tests of the wording check."""

from __future__ import annotations

import pytest

from tests.wording import problems, tics


@pytest.mark.parametrize(
    ("docstring", "found"),
    [
        ("Retry delay for a full server, in seconds.", []),
        ("Stop watching a generation.", []),
        ("How long a client waits.", ["How"]),
        ("Whether it is over; nobody is told.", ["Whether", "nobody", "is told"]),
        ("The opposite.", ["The opposite"]),
        ("Showing a page: whatever the reader goes on with.", ["goes on"]),
        ("\n    What it holds.", ["What"]),
        ("Whatever the client sends is checked.", []),
    ],
)
def test_tics_are_found_by_whole_words(docstring: str, found: list[str]) -> None:
    assert tics(docstring) == found


def test_problems_name_the_line_of_an_attribute_docstring() -> None:
    assert problems({"a.py": 'LIMIT = 1\n"""How many."""\n'}, frozenset()) == ["a.py:2: How"]


def test_problems_of_a_pending_file_are_accepted_until_it_has_none() -> None:
    old, new = 'X = 1\n"""How many."""\n', 'X = 1\n"""Number of X."""\n'
    assert problems({"a.py": old}, frozenset({"a.py"})) == []
    assert problems({"a.py": new}, frozenset({"a.py"})) == ["a.py: remove it from PENDING in tests/wording.py"]
