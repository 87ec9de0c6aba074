"""``$ref`` resolution, and detection of schemas that apply to the same value together. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from urllib.parse import unquote

from server.engine.base import GrammarError
from server.engine.llama.schema.keywords import LISTS_OF_SCHEMAS, MAPPINGS_OF_SCHEMAS, SCHEMAS, assertions


def resolve(root: Mapping[str, object], reference: object, path: str) -> tuple[object, str]:
    """Return the schema that ``reference`` names, and its path. Raises GrammarError."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise GrammarError(f"{path}.$ref must be # or begin with #/, such as #/$defs/NAME, not {reference!r:.80}")
    found: object = root
    where = ""
    for part in reference.split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and name in found:
            found, where = found[name], f"{where}.{name}"
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found, where = found[int(name)], f"{where}[{int(name)}]"
        else:
            raise GrammarError(f"{path}.$ref names {reference!r:.80}, which is not in this schema")
    return found, where


def combined(root: Mapping[str, object]) -> frozenset[int]:
    """Return the ``id`` of each schema that applies to the same value as another one.

    Such a value may have more properties than one of the schemas names.
    """
    finder = _Finder(root)
    for schema in _all(root):
        finder.look_at(schema)
    return frozenset(finder.found)


class _Finder:
    def __init__(self, root: Mapping[str, object]) -> None:
        self._root = root
        self.found: set[int] = set()

    def look_at(self, schema: Mapping[str, object]) -> None:
        members = list(self._members(schema))
        keywords = assertions(schema) - {"type"}
        alternatives = "allOf" not in keywords or len(members) == 1
        if members and not (len(keywords) == 1 and alternatives):
            self._mark(schema)

    def _mark(self, schema: object) -> None:
        """Add a schema and every schema that applies to the same value."""
        todo = [schema]
        while todo:
            each = todo.pop()
            if isinstance(each, Mapping) and id(each) not in self.found:
                self.found.add(id(each))
                todo.extend(self._members(each))

    def _members(self, schema: Mapping[str, object]) -> Iterator[object]:
        """Yield the schemas that apply to the same value as ``schema``."""
        if "$ref" in schema:
            with suppress(GrammarError):  # the error is reported when the reference is converted
                yield resolve(self._root, schema["$ref"], "")[0]
        for keyword in LISTS_OF_SCHEMAS:
            part = schema.get(keyword)
            if isinstance(part, list):
                yield from part


def _all(root: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield every schema in ``root``, including itself."""
    todo: list[object] = [root]
    while todo:
        schema = todo.pop()
        if isinstance(schema, Mapping):
            yield schema
            for keyword in MAPPINGS_OF_SCHEMAS:
                part = schema.get(keyword)
                todo.extend(part.values() if isinstance(part, Mapping) else ())
            for keyword in (*SCHEMAS, *LISTS_OF_SCHEMAS, "prefixItems"):
                part = schema.get(keyword)
                todo.extend(part if isinstance(part, list) else [part])
