"""The effect of each parameter, on the starter model's own samplers."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from server.engine.base import FinishReason, Limit, Piece, SamplingParams
from server.engine.llama import LlamaModel, sampler
from server.engine.llama.candidates import Logits
from server.engine.model import LogitsError, Row
from server.starter import MODEL_PATH
from tests.server.engine.starter import StarterBench

HOT: dict[str, Any] = {"temperature": 2.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
"""Sampling without any cut-off."""


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaModel]:
    """Return a model with one row of logits, which a test overwrites."""
    model = LlamaModel(MODEL_PATH, context=256, parallel=1)
    model.decode([Row(model.tokenize("x")[-1], 0, 0, True)])
    yield model
    model.close()


@pytest.fixture(scope="module")
def bench() -> Iterator[StarterBench]:
    bench = StarterBench(parallel=4)
    yield bench
    bench.close()


def chosen(model: LlamaModel, params: SamplingParams, rows: list[Logits], written: tuple[int, ...] = ()) -> list[int]:
    """Return the tokens chosen from ``rows``, in order."""
    each = model.sampler(params, (1, 2, 3), written)
    tokens = []
    for row in rows:
        model._context.logits(0)[:] = row
        tokens.append(each.sample(0))
    each.close()
    return tokens


def rows(model: LlamaModel, seed: int, count: int = 12, spread: float = 2.0) -> list[Logits]:
    dice = np.random.default_rng(seed)
    return [(dice.normal(size=model.facts.vocabulary) * spread).astype(np.float32) for _ in range(count)]


def random_params(dice: random.Random, logits: list[Logits]) -> SamplingParams:
    """Strategy: any parameters, with penalties and biases that change the order of the most likely tokens."""
    near = [int(token) for row in logits for token in np.argsort(-row)[: dice.choice((1, 5, 40))]]
    biased = dice.sample(near, min(len(near), dice.randrange(6))) + [dice.randrange(len(logits[0])) for _ in range(2)]
    return SamplingParams(
        temperature=dice.choice((0.0, 0.0, 0.5, 1.0, 2.0)),
        top_k=dice.choice((1, 2, 5, 40, 200, 0)),
        top_p=dice.choice((1.0, 0.95, 0.3)),
        min_p=dice.choice((0.0, 0.05, 0.5)),
        typical_p=dice.choice((1.0, 0.5)),
        top_n_sigma=dice.choice((-1.0, -1.0, 1.5)),
        xtc_probability=dice.choice((0.0, 0.0, 0.5)),
        xtc_threshold=0.02,
        seed=dice.randrange(2**32),
        presence_penalty=dice.choice((0.0, 2.0, -2.0)),
        frequency_penalty=dice.choice((0.0, 1.5, -1.5)),
        repeat_penalty=dice.choice((1.0, 1.5, 0.7)),
        repeat_last_n=dice.choice((0, 3, 64)),
        dry_multiplier=dice.choice((0.0, 0.0, 0.8)),
        logit_bias={token: dice.choice((-100.0, -3.0, 1.0, 4.0)) for token in biased},
    )


def test_to_look_at_the_likeliest_only_changes_no_token(model: LlamaModel, monkeypatch: pytest.MonkeyPatch) -> None:
    narrowed = 0
    for seed in range(300):
        dice = random.Random(seed)
        logits = rows(model, seed, spread=dice.choice((0.5, 2.0, 6.0)))
        params = random_params(dice, logits)
        with monkeypatch.context() as patch:
            expected = chosen(model, params, logits)
            patch.setattr(sampler, "SMALL_VOCABULARY", 0)
            assert chosen(model, params, logits) == expected, params
            narrowed += sampler._narrowest(params, model.facts.vocabulary) is not None
    assert narrowed > 100


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_token_is_chosen_where_there_are_no_numbers(model: LlamaModel, bad: float) -> None:
    (row,) = rows(model, 1, count=1)
    row[17] = bad
    with pytest.raises(LogitsError):
        chosen(model, SamplingParams(), [row])


@pytest.mark.parametrize("schema", [None, {"type": "string", "minLength": 200}])
@pytest.mark.parametrize("written", [1, 7, 19])
def test_dice_continue_where_they_were_left(model: LlamaModel, written: int, schema: dict[str, Any] | None) -> None:
    logits = rows(model, 3, count=20)
    grammar = None if schema is None else model.grammar(schema)
    params = SamplingParams(**HOT, seed=7, frequency_penalty=0.5, dry_multiplier=0.5, grammar=grammar)
    whole = chosen(model, params, logits)
    assert chosen(model, params, logits[written:], tuple(whole[:written])) == whole[written:]


def test_the_same_seed_draws_the_same_and_no_seed_another_each_time(model: LlamaModel) -> None:
    logits = rows(model, 4)
    assert chosen(model, SamplingParams(**HOT, seed=1), logits) == chosen(model, SamplingParams(**HOT, seed=1), logits)
    assert chosen(model, SamplingParams(**HOT, seed=1), logits) != chosen(model, SamplingParams(**HOT, seed=2), logits)
    assert chosen(model, SamplingParams(**HOT), logits) != chosen(model, SamplingParams(**HOT), logits)


def test_temperature_0_and_top_k_1_take_the_likeliest(model: LlamaModel) -> None:
    logits = rows(model, 5)
    likeliest = [int(row.argmax()) for row in logits]
    assert chosen(model, SamplingParams(temperature=0), logits) == likeliest
    assert chosen(model, SamplingParams(temperature=2, top_k=1), logits) == likeliest


def allowed(model: LlamaModel, **params: Any) -> set[int]:
    """Return all tokens that are chosen from a row of a few likely tokens: 0 to 5, at 30%, 25%, 20%, 15%, 9% and 1%."""
    row = np.full(model.facts.vocabulary, -50, np.float32)
    row[:6] = np.log([0.30, 0.25, 0.20, 0.15, 0.09, 0.01])
    return set(chosen(model, SamplingParams(**{**HOT, "temperature": 1.0, "seed": 1, **params}), [row] * 600))


@pytest.mark.parametrize(
    ("params", "tokens"),
    [
        ({}, {0, 1, 2, 3, 4, 5}),
        ({"top_k": 3}, {0, 1, 2}),
        ({"top_p": 0.5}, {0, 1}),
        ({"min_p": 0.4}, {0, 1, 2, 3}),
        ({"xtc_probability": 1.0, "xtc_threshold": 0.12}, {3, 4, 5}),
        ({"top_n_sigma": 0.4}, {0, 1, 2, 3}),
        ({"typical_p": 0.5}, {1, 2, 3}),
        ({"logit_bias": {0: -100.0, 9: 50.0}}, {1, 2, 3, 4, 5, 9}),
        ({"logit_bias": {9: 100.0}}, {9}),
    ],
)
def test_filters_cut_off_tokens(model: LlamaModel, params: dict[str, Any], tokens: set[int]) -> None:
    assert allowed(model, **params) == tokens


def test_penalties_look_back_as_far_as_they_are_told(model: LlamaModel) -> None:
    row = np.zeros(model.facts.vocabulary, np.float32)
    row[[10, 20, 30]] = (9, 8, 7)
    for penalty in ({"presence_penalty": 2.5}, {"frequency_penalty": 2.5}, {"repeat_penalty": 2.0}):
        params: dict[str, Any] = {"temperature": 0.0, **penalty}
        assert chosen(model, SamplingParams(**params), [row] * 3) == [10, 20, 30]
        assert chosen(model, SamplingParams(**params, repeat_last_n=1), [row] * 4) == [10, 20, 10, 20]
        assert chosen(model, SamplingParams(**params, repeat_last_n=0), [row] * 3) == [10, 10, 10]
    assert chosen(model, SamplingParams(temperature=0, presence_penalty=0.5), [row] * 5) == [10] * 5
    assert chosen(model, SamplingParams(temperature=0, frequency_penalty=0.5), [row] * 5) == [10, 10, 10, 20, 10]


def test_dry_breaks_a_loop(model: LlamaModel) -> None:
    loop = []
    for token in [100, 200, 300] * 8:
        row = np.zeros(model.facts.vocabulary, np.float32)
        row[token], row[77] = 9, 5
        loop.append(row)
    assert 77 not in chosen(model, SamplingParams(temperature=0), loop)
    assert 77 in chosen(model, SamplingParams(temperature=0, dry_multiplier=0.8), loop)


# On answers


@pytest.mark.parametrize("count", [0, 1, 20])
def test_logprobs_are_reported_with_each_token(bench: StarterBench, count: int) -> None:
    id = f"logprobs {count}"
    bench.submit(id, temperature=0, top_logprobs=count, max_tokens=12, **bench.never_ending)
    bench.recorder.finished(id)
    pieces = [update for update in bench.recorder.of(id) if isinstance(update, Piece)]
    choices = [choice for piece in pieces for choice in piece.choices]
    assert len(choices) == len(bench.recorder.tokens(id)) == 12
    for token, choice in zip(bench.recorder.tokens(id), choices, strict=True):
        assert len(choice.top) == count
        assert bench.model.piece(token) in (b"", choice.chosen.piece)
        assert choice.chosen.logprob <= 0
        if count and not bench.model.is_end(token):
            assert max(choice.top, key=lambda top: top.logprob) == choice.top[0]


def test_without_top_logprobs_none_are_reported(bench: StarterBench) -> None:
    bench.submit("none", max_tokens=5)
    bench.recorder.finished("none")
    assert [piece.choices for piece in bench.recorder.of("none") if isinstance(piece, Piece)][:1] == [()]


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": 0.0},
        {"temperature": 0.0, "repeat_penalty": 1.3, "repeat_last_n": 20},
        {"temperature": 1.0, "seed": 11, "presence_penalty": 0.5, "dry_multiplier": 0.5},
    ],
)
def test_a_restarted_answer_is_that_of_an_undisturbed_one(bench: StarterBench, params: dict[str, Any]) -> None:
    whole, _ = bench.ask(**params, **bench.never_ending)
    for written in (1, 30, 59):
        bench.submit(
            id := f"{params} {written}", max_tokens=60, written=whole[:written], **params, **bench.never_ending
        )
        finished = bench.recorder.finished(id)
        assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.MAX_TOKENS)
        assert bench.recorder.tokens(id) == whole[written:]


def test_resumed_text_against_the_grammar_fails(bench: StarterBench) -> None:
    _, finished = bench.ask(written=bench.engine.tokenize("x"), grammar=bench.engine.grammar({"const": 1}))
    assert finished.reason is FinishReason.FAILED
    assert finished.error is not None and "does not obey the grammar" in finished.error
