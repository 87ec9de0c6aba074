"""With any choice of allowed tokens, the answer parses and follows its schema."""

import json
import random
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.engine.base import GrammarError
from tests.server.engine.llama.schema.matching import end, grammar, model

LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(
        lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span},
        st.integers(-50, 50),
        st.integers(0, 300),
    ),
    st.builds(lambda low: {"type": "number", "minimum": low, "maximum": low + 1}, st.integers(-9, 9)),
    st.builds(
        lambda step: {"type": "integer", "multipleOf": step, "minimum": -100, "maximum": 100}, st.integers(1, 30)
    ),
    st.builds(
        lambda low, span: {"type": "string", "minLength": low, "maxLength": low + span},
        st.integers(0, 3),
        st.integers(0, 4),
    ),
    st.sampled_from(
        [
            *({"type": name} for name in ("boolean", "null")),
            *({"type": "string", "format": name} for name in ("date", "time", "date-time", "uuid", "ipv4")),
            *({"type": "string", "pattern": pattern} for pattern in ("^[ab]{1,4}$", "^x.?y$", "^(\\d\\d|[é漢])$")),
            {"enum": [1, "a", None, [True], {"b": 2.5}]},
            {"const": "🙂"},
            {"type": "array", "items": {"enum": ["a", "b", "c", "d"]}, "uniqueItems": True},
        ]
    ),
)
NAMES = st.sampled_from(["a", "ab", "b", "x y", "é"])


def wider(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(
            lambda properties, required, more: {
                **{"type": "object", "properties": properties, "required": [n for n in properties if n in required]},
                **more,
            },
            st.dictionaries(NAMES, inner, max_size=4),
            st.sets(NAMES),
            st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": {"type": "null"}}]),
        ),
        st.builds(
            lambda items, low, span: {"type": "array", "items": items, "minItems": low, "maxItems": low + span},
            inner,
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        st.builds(
            lambda parts: {"type": "array", "prefixItems": parts, "items": False},
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"allOf": [part, {"title": "x"}]}, inner),
    )


SCHEMAS = st.recursive(LEAVES, wider, max_leaves=6)


def write(compiled: str, dice: random.Random, most: int) -> str | None:
    """Write an answer of random allowed tokens; None if it doesn't end by itself."""
    matcher = model()._grammars.matcher(compiled)
    written = b""
    for _ in range(most):
        allowed = matcher.allowed().tolist()
        token = end() if end() in allowed and dice.random() < 0.5 else dice.choice(allowed)
        assert matcher.allows(token)
        if token == end():
            return written.decode()
        assert model().piece(token), "a token without text"
        matcher.accept(token)
        written += model().piece(token)
    return None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=SCHEMAS, seed=st.integers(0, 2**32))
def test_any_answer_obeys_its_schema(schema: dict[str, Any], seed: int) -> None:
    try:
        compiled = grammar(schema)
    except GrammarError as error:
        assert "can't be enforced" in str(error), error
        return
    text = write(compiled, random.Random(seed), 150)
    if text is not None:
        jsonschema.Draft202012Validator(schema).validate(json.loads(text))
