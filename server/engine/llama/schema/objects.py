"""Object keywords, converted for llguidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from server.engine.base import GrammarError
from server.engine.llama.schema import keyword_values
from server.engine.llama.schema.keywords import assertions
from server.engine.llama.schema.patterns import translated

MAX_OPTIONAL = 1000
"""Maximum number of optional properties of one object. Each adds four of at most 5,000 items that llguidance tracks."""

MAX_PROPERTIES = 1000
MAX_PATTERNS = 20
"""Maximum number of ``patternProperties`` of one object. Each is compared with every other one."""

Written = dict[str, object]


class SchemaWriter(Protocol):
    """Converter for the schemas of properties."""

    def schema(self, source: object, path: str) -> Written | bool: ...

    def values(self, source: object) -> list[object] | None: ...


def write_object(
    writer: SchemaWriter, source: Mapping[str, object], path: str, written: Written, *, open: bool
) -> None:
    """Add the object keywords to ``written``. With ``open`` an object may have properties that are not named here."""
    properties = _properties(writer, source, path)
    patterns = _patterns(writer, source, path)
    required = keyword_values.names(source, path, "required")
    keyword_values.check_value(required, f"{path}.required")
    others: Written | bool | None = None
    if "additionalProperties" in source:
        others = writer.schema(source["additionalProperties"], f"{path}.additionalProperties")
    if "propertyNames" in source:
        others = _limit_names(writer, source, path, properties, patterns, others)
    if others is None and not patterns and not open and (properties or required):
        properties.update((name, True) for name in required if name not in properties)
        others = False
    _check_size(properties, patterns, required, path)
    _write_counts(source, path, written, required, closed=others is False and not patterns)
    if properties:
        written["properties"] = properties
    if patterns:
        written["patternProperties"] = patterns
    if others is not None:
        written["additionalProperties"] = others
    if required:
        written["required"] = required


def _properties(writer: SchemaWriter, source: Mapping[str, object], path: str) -> dict[str, Written | bool]:
    given = keyword_values.mapping(source, path, "properties")
    for name in given:
        keyword_values.check_value(name, f"{path}.properties")
    return {name: writer.schema(part, f"{path}.properties.{name}") for name, part in given.items()}


def _patterns(writer: SchemaWriter, source: Mapping[str, object], path: str) -> dict[str, Written | bool]:
    given = keyword_values.mapping(source, path, "patternProperties")
    if len(given) > MAX_PATTERNS:
        raise GrammarError(f"{path}.patternProperties is supported with up to {MAX_PATTERNS} patterns")
    return {
        translated(pattern, f"{path}.patternProperties"): writer.schema(part, f"{path}.patternProperties.{pattern}")
        for pattern, part in given.items()
    }


def _limit_names(
    writer: SchemaWriter,
    source: Mapping[str, object],
    path: str,
    properties: dict[str, Written | bool],
    patterns: dict[str, Written | bool],
    others: Written | bool | None,
) -> Written | bool | None:
    """Express propertyNames by ``properties`` or ``patterns``. Returns the schema of other properties."""
    names = source["propertyNames"]
    if names is True or (
        isinstance(names, Mapping) and assertions(names) <= {"type"} and names.get("type") == "string"
    ):
        return others
    if properties or patterns:
        raise GrammarError(f"{path}.propertyNames is not supported beside properties and patternProperties")
    value = True if others is None else others
    if (allowed := writer.values(names)) is not None:
        properties.update((name, value) for name in allowed if isinstance(name, str))
        keyword_values.check_value(list(properties), f"{path}.propertyNames")
        return False
    if not isinstance(names, Mapping) or not assertions(names) <= {"type", "pattern", "minLength", "maxLength"}:
        raise GrammarError(f"{path}.propertyNames is supported with enum, pattern, minLength and maxLength only")
    patterns[_name_pattern(names, f"{path}.propertyNames")] = value
    return False


def _name_pattern(names: Mapping[str, object], path: str) -> str:
    least, most = keyword_values.counts(names, path, "minLength", "maxLength")
    if "pattern" not in names:
        return rf"^[\s\S]{{{least},{'' if most is None else most}}}$"
    if least or most is not None:
        raise GrammarError(f"{path}.pattern is not supported beside minLength and maxLength")
    return translated(keyword_values.text(names, path, "pattern"), f"{path}.pattern")


def _check_size(
    properties: Mapping[str, object], patterns: Mapping[str, object], required: list[str], path: str
) -> None:
    optional = len(properties.keys() - set(required))
    if optional > MAX_OPTIONAL:
        raise GrammarError(f"{path}.properties is supported with up to {MAX_OPTIONAL} that are not required")
    if len(properties) > MAX_PROPERTIES or len(required) > MAX_PROPERTIES:
        raise GrammarError(f"{path}.properties is supported with up to {MAX_PROPERTIES}")


def _write_counts(
    source: Mapping[str, object], path: str, written: Written, required: list[str], *, closed: bool
) -> None:
    """Convert the limits on the number of properties. Unnamed ones could repeat a name and be counted twice."""
    least, most = keyword_values.counts(source, path, "minProperties", "maxProperties")
    if least > len(required):
        if not closed and least > len(required) + 1:
            raise GrammarError(f"{path}.minProperties is supported up to one more than there are required properties")
        written["minProperties"] = least
    if most is not None:
        written["maxProperties"] = most
