"""Placeholders in a case for values that are known only at run time.

``@name``: an id that no other run uses. ``$name`` or ``$name.path``: a variable; ``${name.path}`` and ``${@name}``
inside a longer string.

``{"$plus": [a, b]}``: a sum. ``{"$repeat": [text or list, count]}``. ``{"$count": n}``: the numbers 1 to n in digits,
so at least n tokens in any vocabulary. ``{"$nested": n}``: n nested brackets. ``{"$slice": [text, from, to]}``.
``{"$before": [text, part]}``: the text before the first ``part``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_NAME: Final = re.compile(r"@([A-Za-z0-9_-]+)")
_VARIABLE: Final = re.compile(r"\$([A-Za-z_][\w.]*)")
_INLINE: Final = re.compile(r"\$\{([^}]+)\}")


class UnknownVariable(Exception):
    """A case names a variable that no step has saved, or a path that the variable does not have."""


def expand(value: Any, variables: Mapping[str, Any], run: str) -> Any:
    """Return ``value`` with all placeholders replaced. ``run`` names this try and prefixes its ids."""
    if isinstance(value, str):
        return _expand_text(value, variables, run)
    if isinstance(value, list | tuple):
        return [expand(item, variables, run) for item in value]
    if isinstance(value, dict):
        filled = {key: expand(item, variables, run) for key, item in value.items()}
        name = next(iter(filled), "")
        return _FUNCTIONS[name](filled[name]) if len(filled) == 1 and name in _FUNCTIONS else filled
    return value


def look_up(path: str, variables: Mapping[str, Any]) -> Any:
    """Return the value at ``path``, such as ``welcome.limits.queued``. Raises UnknownVariable."""
    value: Any = variables
    for step in path.split("."):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            raise UnknownVariable(path) from None
    return value


def _expand_text(text: str, variables: Mapping[str, Any], run: str) -> Any:
    if name := _NAME.fullmatch(text):
        return f"{run}.{name[1]}"
    if variable := _VARIABLE.fullmatch(text):
        return look_up(variable[1], variables)
    return _INLINE.sub(lambda m: str(_inline(m[1], variables, run)), text)


def _inline(name: str, variables: Mapping[str, Any], run: str) -> Any:
    return f"{run}.{name[1:]}" if name.startswith("@") else look_up(name, variables)


_FUNCTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "$plus": lambda terms: sum(terms),
    "$repeat": lambda args: args[0] * args[1],
    "$count": lambda n: " ".join(map(str, range(1, n + 1))),
    "$slice": lambda args: args[0][args[1] : args[2]],
    "$before": lambda args: args[0].split(args[1])[0],
    "$nested": lambda n: "[" * n + "]" * n,
}
