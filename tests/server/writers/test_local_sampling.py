"""Sampling parameters of a request, translated to the engine's."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate, Params
from server.engine.base import Engine, SamplingParams
from server.engine.llama import LlamaModel
from server.engine.worker import BatchingEngine
from server.starter import MODEL_PATH
from server.writers.local_sampling import resolve_sampling

TEMPLATE_STOP = ("<|end|>",)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = BatchingEngine(LlamaModel(MODEL_PATH, context=256, parallel=1))
    yield engine
    engine.close()


def resolved(engine: Engine, raw: bool = False, **params: Any) -> SamplingParams:
    return resolve_sampling(Generate(prompt="Hi", raw=raw, params=Params(**params)), engine, TEMPLATE_STOP)


def test_given_parameters_override_the_models(engine: Engine) -> None:
    sampling = resolved(engine, typical_p=0.5, dry_sequence_breakers=("x",), top_k=7)
    assert (sampling.typical_p, sampling.dry_sequence_breakers, sampling.top_k) == (0.5, ("x",), 7)
    assert sampling.temperature == engine.facts.sampling.temperature


@pytest.mark.parametrize("params", [{}, {"seed": -1}])
def test_a_random_seed_becomes_a_number(engine: Engine, params: dict[str, Any]) -> None:
    seeds = {resolved(engine, **params).seed for _ in range(3)}
    assert len(seeds) == 3 and all(seed >= 0 for seed in seeds)


def test_a_seed_that_was_given_stays(engine: Engine) -> None:
    assert resolved(engine, seed=0).seed == 0


def test_the_templates_stop_strings_are_for_chats_without_a_schema(engine: Engine) -> None:
    assert resolved(engine, stop=("x",)).stop == ("x", *TEMPLATE_STOP)
    assert resolved(engine, raw=True, stop=("x",)).stop == ("x",)
    assert resolved(engine, json_schema={"type": "object"}).stop == ()


def test_the_models_stop_strings_are_for_chats_without_a_schema(engine: Engine) -> None:
    sampling = replace(engine.facts.sampling, stop=("User:",))
    model = Mock(wraps=engine, facts=replace(engine.facts, sampling=sampling))
    assert resolved(model, stop=("x",)).stop == ("x", "User:", *TEMPLATE_STOP)
    assert resolved(model, raw=True).stop == ()
    assert resolved(model, json_schema={"type": "object"}).stop == ()


def test_a_schema_becomes_a_grammar(engine: Engine) -> None:
    grammar = resolved(engine, json_schema={"type": "boolean"}).grammar
    assert grammar is not None and "boolean" in grammar


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        (
            {"json_schema": {"type": "string", "pattern": "(?=a)"}},
            ErrorCode.UNSUPPORTED,
            "params.json_schema: .pattern",
        ),
        ({"json_schema": {"$ref": "https://example.com/"}}, ErrorCode.UNSUPPORTED, "params.json_schema: "),
        ({"logit_bias": {"4000000": 1.0}}, ErrorCode.INVALID_FIELD, "params.logit_bias: there is no token 4000000"),
    ],
)
def test_unsupported_parameters_are_refused_by_name(
    engine: Engine, params: dict[str, Any], code: ErrorCode, words: str
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        resolved(engine, **params)
    assert caught.value.code is code
    assert caught.value.message.startswith(words)
