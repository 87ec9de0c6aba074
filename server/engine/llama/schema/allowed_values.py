"""Schemas with few allowed values, and lists without repeated items. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, islice, permutations
from typing import Final

from server.engine.llama.schema.keywords import assertions

MAX_VALUES: Final = 8
"""Maximum number of values for lists without repetition; in a fixed order they form 256 lists."""

MAX_LISTS: Final = 400
"""Maximum number of lists in every order; five values form 326."""


def values_of(schema: object, resolve: Callable[[object], object], depth: int = 8) -> list[object] | None:
    """Return the values that ``schema`` allows, without duplicates; None when there are many or they can't be
    listed."""
    if not isinstance(schema, Mapping) or depth == 0:
        return None
    found = _values(schema, resolve, depth)
    return None if found is None else list({_key(value): value for value in found}.values())


def _values(schema: Mapping[str, object], resolve: Callable[[object], object], depth: int) -> list[object] | None:
    keywords, types = assertions(schema), schema.get("type")
    if keywords == {"$ref"}:
        return values_of(resolve(schema["$ref"]), resolve, depth - 1)
    if keywords == {"type"}:
        return {"boolean": [True, False], "null": [None]}.get(str(types))  # type: ignore[return-value]
    if keywords == {"type", "minimum", "maximum"} and types == "integer":
        return _integers(schema["minimum"], schema["maximum"])
    if keywords in ({"anyOf"}, {"oneOf"}):
        parts = schema.get("anyOf", schema.get("oneOf"))
        every = [values_of(part, resolve, depth - 1) for part in parts] if isinstance(parts, list) else [None]
        return None if None in every else [value for part in every for value in part or ()]
    if not keywords <= {"const", "enum", "type"}:
        return None
    given = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(given, list):
        return None
    names = [types] if isinstance(types, str) else types
    return [value for value in given if not isinstance(names, list) or any(is_of(value, name) for name in names)]


def _integers(least: object, most: object) -> list[object] | None:
    if isinstance(least, int) and isinstance(most, int) and most - least < MAX_VALUES:
        return list(range(least, most + 1))
    return None


def is_of(value: object, name: object) -> bool:
    """Tell whether ``value`` is of the JSON type ``name``."""
    if isinstance(value, bool) or value is None:
        return name == ("null" if value is None else "boolean")
    if name == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    kinds = {"object": Mapping, "array": list, "string": str, "number": (int, float)}
    return name in kinds and isinstance(value, kinds[name])  # type: ignore[arg-type]


def lists_of(values: Sequence[object], least: int, most: int) -> list[tuple[object, ...]] | None:
    """Return every list of ``least`` to ``most`` of ``values`` without repetition; None when there are too many.

    In every order when these are few, else only in the order of ``values``.
    """
    sizes = range(least, min(most, len(values)) + 1)
    everything = list(islice((each for size in sizes for each in permutations(values, size)), MAX_LISTS + 1))
    if len(everything) <= MAX_LISTS:
        return everything
    if len(values) > MAX_VALUES:
        return None
    return [each for size in sizes for each in combinations(values, size)]


def _key(value: object) -> object:
    """Return a key that is equal for values which JSON Schema treats as equal: 1 and 1.0, but not 1 and true."""
    if isinstance(value, Mapping):
        return ("object", frozenset((name, _key(part)) for name, part in value.items()))
    if isinstance(value, list):
        return ("array", tuple(map(_key, value)))
    return (isinstance(value, bool), value)


def arrays_of(lists: Sequence[tuple[object, ...]]) -> Iterator[dict[str, object]]:
    """Yield a schema for each of ``lists``."""
    for each in lists:
        fixed: dict[str, object] = {"prefixItems": [{"const": value} for value in each]} if each else {}
        yield {"type": "array", **fixed, "items": False, "minItems": len(each)}
