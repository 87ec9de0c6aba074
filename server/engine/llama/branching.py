"""How many readings of one text a grammar may have to keep in mind, and whether it ever comes to an end. Pure.

llama.cpp follows every alternative that the text so far fits. Alternatives that begin alike, inside one another,
multiply: a small schema could take all of the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from server.engine.base import GrammarError
from server.engine.llama.nodes import Array, Either, FixedArray, Map, Node, Object, Plain, Ref, Schema, Values

MAX_READINGS: Final = 1000
MAX_DEFINITIONS: Final = 100

_DIGITS: Final = "-0123456789"
_BEGINNINGS: Final[Mapping[str, str]] = {"number": "0", "integer": "0", "boolean": "tf", "null": "n", "any": '{["0tfn'}
"""What a text of a type begins with; a digit stands for all of them. Any other begins with a quote."""


def check(schema: Schema) -> None:
    """Raises GrammarError for a schema that has too many readings at once, or that no finite answer obeys."""
    if len(schema.definitions) > MAX_DEFINITIONS:
        raise GrammarError(f"it has more than {MAX_DEFINITIONS} definitions")
    for name, node in schema.definitions.items():
        if name in _references(node, schema):
            raise GrammarError(f"{name} refers to itself alone")
    _check_ends(schema)
    _check_readings(schema)


def _check_ends(schema: Schema) -> None:
    ends = dict.fromkeys(schema.definitions, False)
    for _ in schema.definitions:
        ends |= {name: _ends(node, ends) for name, node in schema.definitions.items()}
    for name, node in _parts(schema):
        if not _ends(node, ends):
            raise GrammarError(f"{name} contains itself, so that no answer ever ends")


def _check_readings(schema: Schema) -> None:
    readings = _Readings(schema)
    for _ in range(len(schema.definitions) + 1):
        if not readings.grow():
            return
    raise GrammarError(
        "it has alternatives that contain themselves and begin alike: let them begin with different properties"
    )


def _parts(schema: Schema) -> Iterable[tuple[str, Node]]:
    return [*schema.definitions.items(), ("it", schema.root)]


def _ends(node: Node, known: Mapping[str, bool]) -> bool:
    match node:
        case Ref(name):
            return known[name]
        case Either(nodes):
            return any(_ends(each, known) for each in nodes)
        case Array(item, least, _):
            return least == 0 or _ends(item, known)
        case FixedArray(items):
            return all(_ends(item, known) for item in items)
        case Object(properties):
            return all(_ends(value, known) for _, value, required in properties if required)
    return True


class _Readings:
    """Finds for each definition how many readings it may have at once, from below."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known = dict.fromkeys(schema.definitions, 1)
        self._alike: dict[int, list[tuple[list[Node], bool]]] = {}
        """For each set of alternatives those that begin alike, and whether what follows tells them apart."""

    def grow(self) -> bool:
        """Go over all of the schema once; returns whether anything has more readings than was known."""
        grown = False
        for name, node in _parts(self._schema):
            count = self._of(node)
            if count > MAX_READINGS:
                raise GrammarError(f"{name} has too many alternatives that begin alike: at most {MAX_READINGS}")
            if name in self._known and count > self._known[name]:
                self._known[name], grown = count, True
        return grown

    def _of(self, node: Node) -> int:
        match node:
            case Ref(name):
                return self._known[name]
            case Values(texts):
                return len(texts)
            case Either():
                return self._of_alternatives(node)
            case Array(item, _, _) | Map(item):
                return self._of(item)
            case FixedArray(items):
                return max(map(self._of, items), default=1)
            case Object(properties):
                return max(len(properties), *(self._of(value) for _, value, _ in properties), 1)
        return 1

    def _of_alternatives(self, node: Either) -> int:
        if id(node) not in self._alike:
            self._alike[id(node)] = list(_alike(node, self._schema))
        counts = (
            max(map(self._of, nodes)) if told_apart else sum(map(self._of, nodes))
            for nodes, told_apart in self._alike[id(node)]
        )
        return max(counts, default=1)


def _alike(node: Either, schema: Schema) -> Iterator[tuple[list[Node], bool]]:
    nodes = list(_flat(node))
    could_be = [_concrete(each, schema) for each in nodes]
    for character in '["0tfn{':
        those = [n for n, each in enumerate(could_be) if any(character in _beginning(kind) for kind in each)]
        if those:
            told_apart = character == "{" and _begin_differently([could_be[n] for n in those])
            yield [nodes[n] for n in those], told_apart


def _begin_differently(alternatives: list[list[Node]]) -> bool:
    """Whether the first property of an object tells which of ``alternatives`` it is."""
    seen: set[str] = set()
    for nodes in alternatives:
        first: set[str] = set()
        for node in nodes:
            if isinstance(node, Object) and node.properties:
                first |= _first_names(node)
            elif "{" in _beginning(node):
                return False
        if seen & first:
            return False
        seen |= first
    return True


def _first_names(node: Object) -> set[str]:
    """The properties that can come first."""
    names: set[str] = set()
    for name, _, required in node.properties:
        names.add(name)
        if required:
            break
    return names


def _flat(node: Node) -> Iterator[Node]:
    if isinstance(node, Either):
        for each in node.nodes:
            yield from _flat(each)
    else:
        yield node


def _references(node: Node, schema: Schema) -> set[str]:
    """The definitions that ``node`` may turn out to be."""
    found: set[str] = set()
    todo = [node]
    while todo:
        for each in _flat(todo.pop()):
            if isinstance(each, Ref) and each.name not in found:
                found.add(each.name)
                todo.append(schema.definitions[each.name])
    return found


def _concrete(node: Node, schema: Schema) -> list[Node]:
    """What ``node`` may turn out to be, alternatives and references followed."""
    nodes = [node, *(schema.definitions[name] for name in _references(node, schema))]
    return [each for one in nodes for each in _flat(one) if not isinstance(each, Ref)]


def _beginning(node: Node) -> str:
    match node:
        case Values(texts):
            return "".join({"0" if text[0] in _DIGITS else text[0] for text in texts})
        case Array() | FixedArray():
            return "["
        case Map() | Object():
            return "{"
        case Plain(name):
            return _BEGINNINGS.get(name, '"')
    return '"'
