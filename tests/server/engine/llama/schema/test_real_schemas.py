"""Answers follow the schemas that programs generate."""

from typing import Any

import jsonschema
import pytest

from server.engine.base import GrammarError
from tests.server.engine.llama.schema.matching import allows_value, grammar
from tests.server.engine.llama.schema.real_schemas import PYDANTIC, ZOD, Case

EVERY: list[Case] = [*PYDANTIC, *ZOD]
KEPT = [case for case in EVERY if case[1] is not None]


@pytest.mark.parametrize(("schema", "right", "wrong"), KEPT)
def test_a_real_schema_allows_what_it_says_and_nothing_else(schema: dict[str, Any], right: Any, wrong: Any) -> None:
    compiled = grammar(schema)
    assert allows_value(compiled, right)
    assert not allows_value(compiled, wrong)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    assert validator.is_valid(right)
    assert "format" in str(schema) or not validator.is_valid(wrong)


def test_schemas_without_a_grammar_are_refused() -> None:
    refused = [schema for schema, right, _ in EVERY if right is None]
    assert len(refused) == 2
    for schema in refused:
        with pytest.raises(GrammarError, match=r"^\.properties\.(amount|people)\."):
            grammar(schema)
