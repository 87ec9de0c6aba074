"""Search for the part of a schema that llguidance can't compile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.engine.base import GrammarError
from server.engine.llama.schema.writer import Part, Written, WrittenSchema

Compile = Callable[[Written], str]
"""Compiler function: returns the error of a schema, or an empty string."""

MAX_STEPS = 50
"""Maximum depth of the search, in nested parts. In a deeper schema the error names an outer part."""


def find_culprit(schema: WrittenSchema, error: str, compile: Compile) -> GrammarError:
    """Build the GrammarError for a schema that failed to compile with ``error``."""
    culprit = schema.root
    for _ in range(MAX_STEPS):
        inner = _first_failing(culprit.parts, schema, compile) or _definition(culprit, schema, compile)
        if inner is None:
            break
        culprit = inner
    reason = compile(schema.whole(culprit.written)) or error
    for keyword in culprit.written:
        rest = {name: value for name, value in culprit.written.items() if name != keyword}
        if not compile(schema.whole(rest)):
            return GrammarError(f"{culprit.path}.{keyword} can't be enforced: {reason}")
    return GrammarError(f"{culprit.path or 'it'} can't be enforced: {reason}")


def _first_failing(parts: Sequence[Part], schema: WrittenSchema, compile: Compile) -> Part | None:
    """Return the first of ``parts`` that can't be compiled, found by bisection; None when all can."""
    if not parts or not compile(schema.whole(_every(parts))):
        return None
    while len(parts) > 1:
        half = parts[: len(parts) // 2]
        parts = half if compile(schema.whole(_every(half))) else parts[len(half) :]
    return parts[0] if compile(schema.whole(parts[0].written)) else None


def _every(parts: Sequence[Part]) -> Written:
    return {"type": "array", "prefixItems": [part.written for part in parts], "minItems": len(parts)}


def _definition(part: Part, schema: WrittenSchema, compile: Compile) -> Part | None:
    """Return the definition that ``part`` references, if that one can't be compiled."""
    named = schema.definitions.get(str(part.written.get("$ref")).removeprefix("#/$defs/"))
    return named if named and named is not part and compile(schema.whole(named.written)) else None
