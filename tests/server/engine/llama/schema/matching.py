"""Check which texts a grammar allows, with the starter model's vocabulary."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from server.engine.llama import LlamaModel
from server.starter import MODEL_PATH


@cache
def model() -> LlamaModel:
    """One model for all tests of a process; it is freed at the end."""
    return LlamaModel(MODEL_PATH, context=64, parallel=1)


@cache
def single_bytes() -> dict[int, int]:
    """Return a token for each byte that has its own."""
    pieces = ((model().piece(token), token) for token in range(model().facts.vocabulary))
    return {piece[0]: token for piece, token in pieces if len(piece) == 1}


@cache
def end() -> int:
    return next(filter(model().is_end, range(model().facts.vocabulary)))


def grammar(schema: dict[str, Any]) -> str:
    return model().grammar(schema)


def allows(grammar: str, text: str) -> bool:
    """Return whether an answer may be ``text``."""
    matcher = model()._grammars.matcher(grammar)
    for byte in text.encode():
        token = single_bytes()[byte]
        if not matcher.allows(token):
            return False
        matcher.accept(token)
    return matcher.allows(end())


def allows_value(grammar: str, value: object) -> bool:
    """Return whether an answer may be ``value``, with and without spaces."""
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return allows(grammar, compact) and allows(grammar, json.dumps(value, ensure_ascii=False))
