"""Comparison of a value with a pattern. A plain value matches its equal; an object matches when its named fields do.

``{"$any": true}``, ``{"$absent": true}``, ``{"$optional": pattern}`` (if it is there), ``{"$re": "..."}`` (found
anywhere), ``{"$min": 0, "$max": 9}``, ``{"$in": [patterns]}``, ``{"$not": pattern}``, ``{"$is": "string"}``, ``{"$len":
pattern}``, ``{"$each": pattern}``, ``{"$has": pattern}`` (a list has such an item), ``{"$holds": "text"}`` (a string
contains it), ``{"$all": [patterns]}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

_SHOWN: Final = 120
_MISSING: Final = object()
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "whole": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "list": (list,),
}


def mismatch(pattern: Any, value: Any, path: str = "") -> str | None:
    """Describe the first difference between ``value`` and ``pattern``; None when it matches."""
    if isinstance(pattern, dict) and any(key.startswith("$") for key in pattern):
        return next((m for key, argument in pattern.items() if (m := _TESTS[key](argument, value, path))), None)
    if value is _MISSING:
        return f"{path or 'it'} is missing"
    if isinstance(pattern, dict):
        return _object(pattern, value, path)
    if isinstance(pattern, list):
        return _list(pattern, value, path)
    same = pattern == value and isinstance(pattern, bool) == isinstance(value, bool)
    return None if same else f"{path or 'it'} is {show(value)}, not {show(pattern)}"


def fits(pattern: Any, value: Any) -> bool:
    return mismatch(pattern, value) is None


def show(value: Any) -> str:
    """Format ``value`` on one short line."""
    text = value if isinstance(value, str) and len(value) > _SHOWN else _dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _dumps(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    except TypeError:
        return repr(value)


def _object(pattern: dict[str, Any], value: Any, path: str) -> str | None:
    if not isinstance(value, dict):
        return f"{path or 'it'} is {show(value)}, not an object"
    for key, wanted in pattern.items():
        if found := mismatch(wanted, value.get(key, _MISSING), f"{path}.{key}" if path else key):
            return found
    return None


def _list(pattern: list[Any], value: Any, path: str) -> str | None:
    if not isinstance(value, list) or len(value) != len(pattern):
        return f"{path or 'it'} is {show(value)}, not {show(pattern)}"
    pairs = enumerate(zip(pattern, value, strict=True))
    return next((m for i, (p, v) in pairs if (m := mismatch(p, v, f"{path}[{i}]"))), None)


def _test(words: str, holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, str], str | None]:
    def test(argument: Any, value: Any, path: str) -> str | None:
        if value is _MISSING:
            return f"{path or 'it'} is missing"
        return None if holds(argument, value) else f"{path or 'it'} is {show(value)}, {words} {show(argument)}"

    return test


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _len(pattern: Any, value: Any, path: str) -> str | None:
    return mismatch(pattern, len(value) if isinstance(value, str | list) else value, f"length of {path or 'it'}")


def _each(pattern: Any, value: Any, path: str) -> str | None:
    if not isinstance(value, list):
        return f"{path or 'it'} is {show(value)}, not a list"
    return next((m for i, item in enumerate(value) if (m := mismatch(pattern, item, f"{path}[{i}]"))), None)


def _not(pattern: Any, value: Any, path: str) -> str | None:
    return f"{path or 'it'} is {show(value)}, which it must not be" if fits(pattern, value) else None


def _all(patterns: list[Any], value: Any, path: str) -> str | None:
    return next((m for pattern in patterns if (m := mismatch(pattern, value, path))), None)


_TESTS: Final[dict[str, Callable[[Any, Any, str], str | None]]] = {
    "$any": _test("not", lambda _, value: True),
    "$absent": lambda _, value, path: None if value is _MISSING else f"{path} is there: {show(value)}",
    "$optional": lambda pattern, value, path: None if value is _MISSING else mismatch(pattern, value, path),
    "$re": _test("which does not match", lambda p, v: isinstance(v, str) and re.search(p, v) is not None),
    "$min": _test("less than", lambda least, value: _is("number", value) and value >= least),
    "$max": _test("more than", lambda most, value: _is("number", value) and value <= most),
    "$in": _test("none of", lambda patterns, value: any(fits(p, value) for p in patterns)),
    "$is": _test("not of type", _is),
    "$has": _test("without", lambda p, v: isinstance(v, list) and any(fits(p, item) for item in v)),
    "$holds": _test("without", lambda part, value: isinstance(value, str) and part in value),
    "$len": _len,
    "$each": _each,
    "$not": _not,
    "$all": _all,
}
