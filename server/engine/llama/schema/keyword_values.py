"""Readers for the values of keywords. Errors name the keyword and its path."""

from __future__ import annotations

import math
from collections.abc import Mapping

from server.engine.base import GrammarError

MAX_DEPTH = 100
"""Maximum nesting of lists and objects in a schema: the compiler is recursive."""

LARGEST_EXACT = 2**53 - 1
"""Largest integer that every JSON reader reads exactly (RFC 8259, section 6)."""

ESCAPED = frozenset("\b\f\n\r\t")
"""Control characters with a short JSON escape."""


def check_depth(schema: object) -> None:
    """Raise GrammarError for a schema that is nested too deep. Not recursive itself."""
    level = [schema]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for value in level
            for part in (value.values() if isinstance(value, Mapping) else value)  # type: ignore[attr-defined]
            if isinstance(part, Mapping | list)
        ]
        if not level:
            return
    raise GrammarError(f"it is nested deeper than {MAX_DEPTH} levels")


def mapping(schema: Mapping[str, object], path: str, keyword: str) -> Mapping[str, object]:
    value = schema.get(keyword, {})
    if not isinstance(value, Mapping):
        raise GrammarError(f"{path}.{keyword} must be an object")
    return value


def sequence(schema: Mapping[str, object], path: str, keyword: str) -> list[object]:
    value = schema.get(keyword, [])
    if not isinstance(value, list):
        raise GrammarError(f"{path}.{keyword} must be a list")
    return value


def names(schema: Mapping[str, object], path: str, keyword: str) -> list[str]:
    """Read a list of strings, without duplicates, in order."""
    given = sequence(schema, path, keyword)
    for name in given:
        if not isinstance(name, str):
            raise GrammarError(f"{path}.{keyword} must be a list of strings")
    return list(dict.fromkeys(map(str, given)))


def count(schema: Mapping[str, object], path: str, keyword: str) -> int:
    """Read a number of characters, items or properties."""
    value = number(schema, path, keyword)
    if value < 0 or value != int(value):
        raise GrammarError(f"{path}.{keyword} must be an integer of 0 or more")
    if value > LARGEST_EXACT:
        raise GrammarError(f"{path}.{keyword} must be at most {LARGEST_EXACT}")
    return int(value)


def counts(schema: Mapping[str, object], path: str, lower: str, upper: str) -> tuple[int, int | None]:
    """Read a minimum and a maximum; None for no limit."""
    least = count(schema, path, lower) if lower in schema else 0
    most = count(schema, path, upper) if upper in schema else None
    if most is not None and most < least:
        raise GrammarError(f"{path}.{upper} is less than {lower}")
    return least, most


def number(schema: Mapping[str, object], path: str, keyword: str) -> int | float:
    value = schema[keyword]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise GrammarError(f"{path}.{keyword} must be a number")
    return value


def text(schema: Mapping[str, object], path: str, keyword: str) -> str:
    value = schema[keyword]
    if not isinstance(value, str):
        raise GrammarError(f"{path}.{keyword} must be a string")
    check_text(value, f"{path}.{keyword}")
    return value


def check_value(value: object, path: str) -> None:
    """Raise GrammarError for a value that an answer can't contain."""
    if isinstance(value, str):
        check_text(value, path)
        if any((character < " " and character not in ESCAPED) or character == "\x7f" for character in value):
            raise GrammarError(f"{path} has a control character, which is not supported")
    elif isinstance(value, int) and abs(value) > LARGEST_EXACT:
        raise GrammarError(f"{path} has the integer {str(value)[:40]}, which many programs read as another number")
    elif isinstance(value, float) and not math.isfinite(value):
        raise GrammarError(f"{path} has a number that is not valid JSON")
    elif isinstance(value, Mapping):
        for name, part in value.items():
            check_value(name, path)
            check_value(part, path)
    elif isinstance(value, list):
        for part in value:
            check_value(part, path)


def check_text(value: str, path: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise GrammarError(f"{path} has half of a surrogate pair, which is not a character")
