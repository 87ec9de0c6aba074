"""A message's text keeps its origin through every operation, and otherwise behaves like any string."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.traced import MIXED, TracedText, from_template, joined, origins, quoted_ranges

OPERATIONS: dict[str, Callable[[str], Any]] = {
    "strip": lambda text: text.strip(),
    "strip of characters": lambda text: text.strip("ab"),
    "lstrip": lambda text: text.lstrip(),
    "rstrip": lambda text: text.rstrip("b "),
    "split": lambda text: text.split(),
    "split once": lambda text: text.split(None, 1),
    "split at": lambda text: text.split("ab"),
    "split at, once": lambda text: text.split("a", 1),
    "rsplit": lambda text: text.rsplit(),
    "rsplit once": lambda text: text.rsplit(None, 1),
    "rsplit at, once": lambda text: text.rsplit("a", maxsplit=1),
    "splitlines": lambda text: text.splitlines(),
    "splitlines with ends": lambda text: text.splitlines(True),
    "partition": lambda text: text.partition("b"),
    "rpartition": lambda text: text.rpartition("b"),
    "removeprefix": lambda text: text.removeprefix("a"),
    "removesuffix": lambda text: text.removesuffix("b"),
    "replace": lambda text: text.replace("ab", "x"),
    "replace once": lambda text: text.replace("a", "", 1),
    "replace nothing": lambda text: text.replace("", "-"),
    "slice": lambda text: text[1:4],
    "reverse": lambda text: text[::-1],
    "characters": lambda text: list(text),
    "add": lambda text: "x" + text + "y",
    "multiply": lambda text: text * 2,
    "join": lambda text: text.join(["x", "y"]),
    "upper": lambda text: text.upper(),
    "title": lambda text: text.title(),
    "center": lambda text: text.center(9),
    "format": lambda text: (text.replace("{", "") + "{0}").format("x") if "}" not in text else "",
    "in a format": lambda text: f"<{text:>9}>",
    "zfill": lambda text: text.zfill(9),
    "translate": lambda text: text.translate({97: "xy"}),
    "expandtabs": lambda text: text.expandtabs(),
    "repr": lambda text: repr(text),
}

TEXTS = st.text(st.sampled_from("ab \n\u2028\tß{é🙂"), max_size=12)


@pytest.mark.parametrize("name", OPERATIONS)
@given(text=TEXTS)
def test_an_operation_gives_what_a_plain_string_gives(name: str, text: str) -> None:
    operation = OPERATIONS[name]
    found = operation(TracedText(text, b"\1" * len(text)))
    assert found == operation(text)
    for part in [found] if isinstance(found, str) else found:
        assert len(origins(part)) == len(part)


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"add", "replace", "replace once", "in a format", "repr"}))
@given(text=TEXTS)
def test_nothing_of_a_message_becomes_the_templates(name: str, text: str) -> None:
    found = OPERATIONS[name](TracedText(text, b"\1" * len(text)))
    for part in [found] if isinstance(found, str) else found:
        if name not in ("join",):
            assert 0 not in origins(part)


@given(before=TEXTS, after=TEXTS)
def test_parts_keep_their_own_origin(before: str, after: str) -> None:
    text = from_template(before) + TracedText(after, b"\1" * len(after))
    assert origins(text) == b"\0" * len(before) + b"\1" * len(after)
    assert origins(text.replace(" ", "")) == b"\0" * len(before.replace(" ", "")) + b"\1" * len(after.replace(" ", ""))
    assert quoted_ranges(text) == (((len(before), len(text)),) if after else ())


@pytest.mark.parametrize("name", [name for name in dir(str) if not name.startswith("_")])
def test_every_method_that_gives_text_traces_it(name: str) -> None:
    """This test finds methods that later versions of Python add."""
    arguments: dict[str, tuple[Any, ...]] = {"join": (["x"],), "replace": ("a", "b")}
    arguments |= dict.fromkeys(("center", "ljust", "rjust", "zfill"), (9,))
    arguments |= dict.fromkeys(("partition", "rpartition", "removeprefix", "removesuffix"), ("a",))
    arguments |= dict.fromkeys(("count", "find", "index", "rfind", "rindex", "startswith", "endswith"), ("a",))
    arguments |= dict.fromkeys(("translate", "maketrans", "format_map"), ({},))
    found = getattr(TracedText("ab", b"\1\1"), name)(*arguments.get(name, ()))
    for part in found if isinstance(found, list | tuple) else [found]:
        assert isinstance(part, TracedText) or not isinstance(part, str)


def test_untraceable_text_counts_as_quoted() -> None:
    assert origins(TracedText("ab")) == bytes([MIXED, MIXED])


def test_plain_parts_stay_plain() -> None:
    assert type(joined(["a", "b"], "-")) is str
    assert origins(joined(["a", TracedText("b", b"\1")], "--")) == b"\0\0\0\1"
