"""Converter from a JSON schema to one that llguidance compiles and that answers can fully obey.

An unsupported keyword raises an error with its path. Choices that JSON Schema leaves open are narrowed to what is
useful in an answer: an object with ``properties`` has no others unless ``additionalProperties`` allows them, a schema
without a type gets the type of its keywords, and integers are limited to those that every program reads exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.engine.base import GrammarError
from server.engine.llama.schema import keyword_values, keywords
from server.engine.llama.schema.allowed_values import arrays_of, lists_of, values_of
from server.engine.llama.schema.objects import write_object
from server.engine.llama.schema.patterns import FORMATS, translated
from server.engine.llama.schema.references import combined, resolve

MAX_DEFINITIONS = 500

MAX_INLINED = 200
"""Maximum number of ``oneOf`` alternatives that are written inline instead of as a ``$ref``."""

MAX_ARRAYS = 3000
"""Maximum number of arrays without repetition in a whole schema; this many compile in about half a second."""

MAX_MULTIPLES = 20_000
"""Maximum sum of all ``multipleOf`` of a schema, each in units of its last decimal place. This much compiles in 0.1
s."""

MAX_PATTERNS = 8
"""Maximum number of patterns that apply together with other schemas. Each doubles the work; 12 take a second."""

Written = dict[str, object]


@dataclass(slots=True)
class Part:
    """One schema: its path in the source, its converted form, and the schemas inside it."""

    path: str
    written: Written = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class WrittenSchema:
    """A converted schema for llguidance. ``definitions``: the targets of ``$ref``, by their new names."""

    root: Part
    definitions: dict[str, Part] = field(default_factory=dict)

    def whole(self, written: Written) -> Written:
        """Return ``written`` together with all definitions."""
        if not self.definitions:
            return written
        return {**written, "$defs": {name: part.written for name, part in self.definitions.items()}}


def write(source: Mapping[str, object]) -> WrittenSchema:
    """Convert ``source``. Raises GrammarError with the keyword and its path."""
    keyword_values.check_depth(source)
    return _Writer(source).write()


class _Writer:
    """Converts one schema; each target of a ``$ref`` becomes a definition."""

    def __init__(self, source: Mapping[str, object]) -> None:
        self._source = source
        self._combined = combined(source)
        self._names: dict[str, str] = {}
        """New name of each definition, by its path in the source."""
        self._todo: list[tuple[str, object, str]] = []
        self._arrays = self._multiples = self._patterns = 0
        self._inlines = 0
        self._inlined: list[str] = []
        """Paths of the definitions being written inside an alternative."""
        self._inside = Part("")
        """The part being written."""

    def write(self) -> WrittenSchema:
        for keyword in ("$defs", "definitions"):
            for name, part in keyword_values.mapping(self._source, "", keyword).items():
                self._name(part, f".{keyword}.{name}")
        whole = WrittenSchema(self._part(self._source, ""))
        while self._todo:
            name, part, path = self._todo.pop()
            whole.definitions[name] = self._part(part, path)
        return whole

    def schema(self, source: object, path: str) -> Written | bool:
        """Convert a schema inside another one."""
        if isinstance(source, bool):
            return source
        part, outer = Part(path), self._inside
        outer.parts.append(part)
        self._inside = part
        self._write(source, path, part.written)
        self._inside = outer
        return part.written

    def _part(self, source: object, path: str) -> Part:
        """Convert a schema that is not inside another one."""
        self._inside = top = Part(path)
        written = self.schema(source, path)
        return top.parts[0] if isinstance(written, dict) else Part(path, {"allOf": [written]})

    def _write(self, source: object, path: str, written: Written) -> None:
        if not isinstance(source, Mapping):
            raise GrammarError(f"{path or 'it'} must be an object")
        keywords.check(source, path)
        self._write_references(source, path, written)
        self._write_values(source, path, written)
        self._write_types(source, path, written)
        self._write_numbers(source, path, written)
        self._write_text(source, path, written)
        if keywords.OF_TYPE["object"] & source.keys():
            write_object(self, source, path, written, open=id(source) in self._combined)
        if keywords.OF_TYPE["array"] & source.keys():
            self._write_array(source, path, written)

    def values(self, source: object) -> list[object] | None:
        """Return the values that ``source`` allows; None when there are many."""
        return values_of(source, lambda reference: resolve(self._source, reference, "")[0])

    def _name(self, part: object, path: str) -> str:
        if path not in self._names:
            if len(self._names) == MAX_DEFINITIONS:
                raise GrammarError(f"it has more than {MAX_DEFINITIONS} definitions")
            self._names[path] = f"d{len(self._names)}"
            self._todo.append((self._names[path], part, path))
        return self._names[path]

    def _write_references(self, source: Mapping[str, object], path: str, written: Written) -> None:
        if "$ref" in source:
            written["$ref"] = f"#/$defs/{self._name(*resolve(self._source, source['$ref'], path))}"
        for keyword in keywords.LISTS_OF_SCHEMAS:
            if keyword in source:
                parts = keyword_values.sequence(source, path, keyword)
                if not parts:
                    raise GrammarError(f"{path}.{keyword} must not be empty")
                write = self._alternative if keyword == "oneOf" else self.schema
                written[keyword] = [write(part, f"{path}.{keyword}[{n}]") for n, part in enumerate(parts)]

    def _alternative(self, source: object, path: str) -> Written | bool:
        """Convert an alternative of ``oneOf``. The target of a ``$ref`` is written inline, unless it contains itself
        there: llguidance then sees how the alternatives differ."""
        if not (isinstance(source, Mapping) and keywords.assertions(source) == {"$ref"}):
            return self.schema(source, path)
        target, where = resolve(self._source, source["$ref"], path)
        if where in self._inlined or self._inlines == MAX_INLINED:
            return self.schema(source, path)
        self._inlines += 1
        self._inlined.append(where)
        written = self._alternative(target, where)
        self._inlined.pop()
        return written

    def _write_values(self, source: Mapping[str, object], path: str, written: Written) -> None:
        if "const" in source:
            keyword_values.check_value(source["const"], f"{path}.const")
            written["const"] = source["const"]
        if "enum" in source:
            given = keyword_values.sequence(source, path, "enum")
            if not given:
                raise GrammarError(f"{path}.enum must not be empty")
            keyword_values.check_value(given, f"{path}.enum")
            written["enum"] = given

    def _write_types(self, source: Mapping[str, object], path: str, written: Written) -> None:
        given = source.get("type")
        if given is None:
            alone = id(source) not in self._combined and keywords.assertions(source).isdisjoint(
                ("$ref", *keywords.LISTS_OF_SCHEMAS, "const", "enum")
            )
            spoken_of = [name for name, of_type in keywords.OF_TYPE.items() if of_type & source.keys()]
            if alone and spoken_of:
                written["type"] = spoken_of
            return
        types = given if isinstance(given, list) and given else [given]
        for name in types:
            if name not in keywords.TYPES:
                raise GrammarError(f"{path}.type must be one of {', '.join(keywords.TYPES)}, or a list of them")
        written["type"] = list(dict.fromkeys(types))

    def _write_numbers(self, source: Mapping[str, object], path: str, written: Written) -> None:
        for keyword in sorted(keywords.OF_TYPE["number"] & source.keys()):
            value = keyword_values.number(source, path, keyword)
            if abs(value) > keyword_values.LARGEST_EXACT:
                raise GrammarError(
                    f"{path}.{keyword} must be at most {keyword_values.LARGEST_EXACT}, more is not exact"
                )
            written[keyword] = value
        if "multipleOf" in written:
            self._multiples += _multiple(keyword_values.number(source, path, "multipleOf"), path)
            if self._multiples > MAX_MULTIPLES:
                raise GrammarError(f"{path}.multipleOf is supported up to {MAX_MULTIPLES} in all of a schema")
        if "integer" in _types(written) and "number" not in _types(written) and not {"const", "enum"} & source.keys():
            if written.keys().isdisjoint(("minimum", "exclusiveMinimum")):
                written["minimum"] = -keyword_values.LARGEST_EXACT
            if written.keys().isdisjoint(("maximum", "exclusiveMaximum")):
                written["maximum"] = keyword_values.LARGEST_EXACT

    def _write_text(self, source: Mapping[str, object], path: str, written: Written) -> None:
        least, most = keyword_values.counts(source, path, "minLength", "maxLength")
        if least:
            written["minLength"] = least
        if most is not None:
            written["maxLength"] = most
        if "pattern" in source:
            written["pattern"] = translated(keyword_values.text(source, path, "pattern"), f"{path}.pattern")
        if "format" in source and _may_be(written, "string"):
            self._write_format(source["format"], path, written)
        if id(source) in self._combined and not source.keys().isdisjoint(("pattern", "format")):
            self._patterns += 1
            if self._patterns > MAX_PATTERNS:
                raise GrammarError(f"{path}: too many patterns apply to one value, the maximum is {MAX_PATTERNS}")

    def _write_format(self, name: object, path: str, written: Written) -> None:
        if not isinstance(name, str) or name not in FORMATS:
            raise GrammarError(f"{path}.format is not supported: leave it out, or use one of {', '.join(FORMATS)}")
        pattern = FORMATS[name]
        if pattern is None:
            written["format"] = name
        elif "pattern" not in written:
            written["pattern"] = pattern
        else:
            _also(written, {"pattern": pattern})

    def _write_array(self, source: Mapping[str, object], path: str, written: Written) -> None:
        least, most = keyword_values.counts(source, path, "minItems", "maxItems")
        if least:
            written["minItems"] = least
        if most is not None:
            written["maxItems"] = most
        items, others = source.get("items", True), "items"
        fixed = keyword_values.sequence(source, path, "prefixItems")
        if isinstance(items, list):  # the form before draft 2020-12
            fixed, items, others = items, source.get("additionalItems", True), "additionalItems"
        if fixed:
            name = "prefixItems" if "prefixItems" in source else "items"
            written["prefixItems"] = [self.schema(part, f"{path}.{name}[{n}]") for n, part in enumerate(fixed)]
        written["items"] = self.schema(items, f"{path}.{others}")
        unique = source.get("uniqueItems", False)
        if not isinstance(unique, bool):
            raise GrammarError(f"{path}.uniqueItems must be true or false")
        if unique and (most is None or most > 1):
            self._write_unique(None if fixed else self.values(items), least, most, path, written)

    def _write_unique(
        self, values: list[object] | None, least: int, most: int | None, path: str, written: Written
    ) -> None:
        if values is None:
            raise GrammarError(f"{path}.uniqueItems is supported only where items has a list of values, such as enum")
        keyword_values.check_value(values, f"{path}.items")
        lists = lists_of(values, least, len(values) if most is None else most)
        self._arrays += 0 if lists is None else len(lists)
        if lists is None or self._arrays > MAX_ARRAYS:
            raise GrammarError(f"{path}.uniqueItems has too many values to choose from")
        if not lists:
            raise GrammarError(f"{path}.minItems is more than there are different values")
        arrays: Written = {"anyOf": list(arrays_of(lists))}
        others = [name for name in keywords.TYPES if name != "array"]
        if written.get("type") == ["array"] and written.keys() <= {"type", "items", "minItems", "maxItems"}:
            written.clear()
            written.update(arrays)
        else:
            _also(written, {"anyOf": [arrays, {"type": others}]})


def _multiple(value: int | float, path: str) -> int:
    """Return ``multipleOf`` in units of its last decimal place."""
    if value <= 0:
        raise GrammarError(f"{path}.multipleOf must be greater than 0")
    text = f"{value:.12f}".rstrip("0")
    if float(text) != value or value > MAX_MULTIPLES:
        raise GrammarError(f"{path}.multipleOf is supported up to {MAX_MULTIPLES} and with 12 decimal places")
    return int(text.replace(".", ""))


def _types(written: Written) -> list[object]:
    given = written.get("type")
    return given if isinstance(given, list) else []


def _may_be(written: Written, name: str) -> bool:
    return "type" not in written or name in _types(written)


def _also(written: Written, part: Written) -> None:
    """Require ``part`` in addition to ``written``."""
    every = written.setdefault("allOf", [])
    assert isinstance(every, list)
    every.append(part)
