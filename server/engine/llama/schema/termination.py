"""Check that an answer under a schema can end. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from server.engine.base import GrammarError
from server.engine.llama.schema.writer import WrittenSchema


def check(schema: WrittenSchema) -> None:
    """Raise GrammarError for a schema that contains itself so that no finite answer obeys it."""
    known = dict.fromkeys(schema.definitions, False)
    names = list(known)
    while any([_learn(name, schema, known) for name in names]):
        names.reverse()
    todo = [schema.root, *schema.definitions.values()]
    while todo:
        part = todo.pop()
        todo.extend(part.parts)
        if not _ends(part.written, known):
            raise GrammarError(f"{part.path or 'it'} contains itself, so that no answer ever ends")


def _learn(name: str, schema: WrittenSchema, known: dict[str, bool]) -> bool:
    """Update ``known`` for the definition ``name``. Returns True when it is newly known to end."""
    if known[name] or not _ends(schema.definitions[name].written, known):
        return False
    known[name] = True
    return True


def _ends(part: object, known: Mapping[str, bool]) -> bool:
    if not isinstance(part, Mapping):
        return True  # llguidance itself reports that nothing obeys false
    if "const" in part or "enum" in part:
        return True
    if "$ref" in part and not known[str(part["$ref"]).removeprefix("#/$defs/")]:
        return False
    if not all(_ends(each, known) for each in part.get("allOf", ())):
        return False
    if not all(any(_ends(each, known) for each in part[keyword]) for keyword in ("anyOf", "oneOf") if keyword in part):
        return False
    return any(_type_ends(name, part, known) for name in part.get("type", ["null"]))


def _type_ends(name: str, part: Mapping[str, object], known: Mapping[str, bool]) -> bool:
    if name == "array":
        fixed, least = part.get("prefixItems", ()), part.get("minItems", 0)
        assert isinstance(fixed, list | tuple) and isinstance(least, int)
        return all(_ends(each, known) for each in fixed[:least]) and (
            least <= len(fixed) or _ends(part.get("items"), known)
        )
    if name == "object":
        properties, required = part.get("properties", {}), part.get("required", ())
        assert isinstance(properties, Mapping) and isinstance(required, list | tuple)
        return all(_ends(properties.get(each, part.get("additionalProperties")), known) for each in required)
    return True
