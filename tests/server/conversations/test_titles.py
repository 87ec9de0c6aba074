"""Titles of conversations."""

import pytest

from server.conversations.titles import LENGTH, title_of


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("Hello", "Hello"),
        ("\n  \n  What   is it? \nMore", "What is it?"),
        ("", ""),
        ("\x00\u202eevil\u2066", "evil"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("word " * 20, ("word " * 12).strip() + "…"),
        ("a " + "b" * 100, "a " + "b" * 57 + "…"),
        ('```py file="one two.py"\nprint(1)\n```', "one two.py"),
        ('`````text file="Pasted text"\n````\n`````', "Pasted text"),
        ("```py\nprint(1)\n```", "```py"),
        ('Why?\n\n```py file="one.py"\n1\n```', "Why?"),
        ("👨\u200d👩\u200d👧 family", "👨\u200d👩\u200d👧 family"),
    ],
)
def test_the_first_line_cut_at_a_word(content: str, title: str) -> None:
    assert title_of(content) == title
    assert len(title) <= LENGTH


def test_a_long_text_is_not_looked_through() -> None:
    assert title_of("\n" * 10_000_000 + "x") == ""
