"""From a JSON schema to GBNF, llama.cpp's grammars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.engine.base import GrammarError
from server.engine.llama import branching, schema
from server.engine.llama.nodes import Array, Either, FixedArray, Map, Node, Object, Plain, Ref, Schema, Text, Values
from server.engine.llama.schema import text_of

MAX_TEXT: Final = 500_000
"""Characters of a grammar. llama.cpp reads that in less time than it takes to compute a long prompt's chunk."""

MAX_REPEATS: Final = 20_000
"""Repetitions in all of a grammar."""

_HOUR: Final = '([0-1] [0-9] | "2" [0-3]) ":" [0-5] [0-9]'
_DAY: Final = '"0" [1-9] | [1-2] [0-9]'

_UUID_OF: Final = r'"\"" hex{{8}} "-" hex{{4}} "-{}" hex{{3}} "-" [89abAB] hex{{3}} "-" hex{{12}} "\"" space'

RULES: Final[Mapping[str, str]] = {
    "space": '" "? | "\\n" [ \\t]{0,20}',
    "hex": "[0-9a-fA-F]",
    # Half of a surrogate pair would be no character.
    "char": r'[^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" ([0-9a-cA-Ce-fE-F] hex{3} | [dD] [0-7] hex{2}))',
    "string": r'"\"" char* "\"" space',
    "integral": '"0" | [1-9] [0-9]{0,15}',
    "integer": '"-"? integral space',
    "number": '"-"? integral ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})? space',
    "boolean": '("true" | "false") space',
    "null": '"null" space',
    "pair": 'string ":" space any',
    "any": "any-object | any-array | string | number | boolean | null",
    "any-object": '"{" space (pair ("," space pair)*)? "}" space',
    "any-array": '"[" space (any ("," space any)*)? "]" space',
    "day": f'("0" [13578] | "1" [02]) "-" ({_DAY} | "3" [0-1]) | ("0" [469] | "11") "-" ({_DAY} | "30") '
    '| "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])',
    "date-text": '[1-9] [0-9]{3} "-" day',
    "time-text": f'{_HOUR} ":" [0-5] [0-9] ("." [0-9]{{3}})? ("Z" | [+-] {_HOUR})',
    "date": r'"\"" date-text "\"" space',
    "time": r'"\"" time-text "\"" space',
    "date-time": r'"\"" date-text "T" time-text "\"" space',
    "uuid": r'"\"" hex{8} ("-" hex{4}){3} "-" hex{12} "\"" space',
    **{f"uuid{version}": _UUID_OF.format(version) for version in range(1, 6)},
}
"""What is the same in all grammars."""


def gbnf(source: Mapping[str, object]) -> str:
    """The grammar of a JSON schema. Any thread may call it. Raises GrammarError, which names the keyword and its
    path."""
    parsed = schema.read(source)
    branching.check(parsed)
    return _Writer(parsed).text()


class _Writer:
    """Gives every part of a schema a rule of its own."""

    def __init__(self, parsed: Schema) -> None:
        self._repeats = 0
        self._count = 0
        self._names = {ref: f"def-{number}" for number, ref in enumerate(parsed.definitions)}
        self._rules = dict(RULES)
        for ref, node in parsed.definitions.items():
            self._rules[self._names[ref]] = self._write(node)
        self._rules["root"] = self._write(parsed.root)

    def text(self) -> str:
        text = "\n".join(f"{name} ::= {rule}" for name, rule in self._rules.items())
        if len(text) > MAX_TEXT or self._repeats > MAX_REPEATS:
            raise GrammarError("it makes a grammar that is too large")
        return text

    def _rule(self, body: str) -> str:
        """A new rule; returns its name."""
        self._count += 1
        name = f"rule-{self._count}"
        self._rules[name] = body
        return name

    def _write(self, node: Node) -> str:
        """The rule's name that stands for ``node``."""
        match node:
            case Plain(name):
                return name
            case Ref(name):
                return self._names[name]
            case Text(least, most):
                return self._rule(rf'"\"" char{self._times(least, most)} "\"" space')
            case Values(texts):
                return self._rule(f"({' | '.join(map(_literal, texts))}) space")
            case Either(nodes):
                return self._rule(" | ".join(map(self._write, nodes)))
            case Map(value):
                pair = self._rule(f'string ":" space {self._write(value)}')
                return self._rule(f'"{{" space ({pair} ("," space {pair})*)? "}}" space')
            case FixedArray(items):
                return self._rule(f'"[" space {_sequence(map(self._write, items))} "]" space')
            case Array():
                return self._array(node)
            case Object():
                return self._object(node)

    def _array(self, node: Array) -> str:
        item = self._write(node.item)
        if node.most == 0:
            return self._rule('"[" space "]" space')
        more = self._rule(f'"," space {item}')
        times = self._times(max(node.least - 1, 0), None if node.most is None else node.most - 1)
        some = f"{item} {more}{times}"
        return self._rule(f'"[" space {some if node.least else f"({some})?"} "]" space')

    def _object(self, node: Object) -> str:
        """A chain of rules: one for what may follow each property, and one for what may come first."""
        first, following = '""', '""'
        for name, value, required in reversed(node.properties):
            pair = self._rule(f'{_literal(text_of(name))} space ":" space {self._write(value)}')
            begins = f"{pair} {following}"
            first = self._rule(begins if required else f"{begins} | {first}")
            following = self._rule(f'"," space {begins}' if required else f'("," space {pair})? {following}')
        return self._rule(f'"{{" space {first} "}}" space')

    def _times(self, least: int, most: int | None) -> str:
        self._repeats += least if most is None else most
        return f"{{{least},{'' if most is None else most}}}"


def _sequence(rules: object) -> str:
    return ' "," space '.join(rules)  # type: ignore[arg-type]


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
