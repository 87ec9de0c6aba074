"""Verification of proposed tokens over the starter model: the same tokens, just as likely."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from server.engine import speculation
from server.engine.base import Piece
from server.engine.options import EngineOptions
from server.engine.prefix_tree import common_prefix
from server.engine.speculation import Speculative
from tests.server.engine.starter import StarterBench
from tests.server.engine.test_speculation import EveryProposal


@pytest.fixture(scope="module")
def alone() -> Iterator[StarterBench]:
    """An engine that computes single tokens."""
    bench = StarterBench(EngineOptions(saved_bytes=0), parallel=1)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def together() -> Iterator[StarterBench]:
    """An engine that verifies every proposal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speculation, "SpeculationControl", EveryProposal)
        bench = StarterBench(EngineOptions(saved_bytes=0, speculative=Speculative.ALL), parallel=1)
    yield bench
    bench.close()


def letters(bench: StarterBench) -> tuple[list[int], dict[str, Any]]:
    """Return a prompt of three tokens in random order, and the sampling parameters that make them all likely: then most
    proposals are partly wrong."""
    three = bench.engine.tokenize("a b c")[-3:]
    prompt = [*bench.prompt(), *random.Random(2).choices(three, k=60)]
    return prompt, {"logit_bias": dict.fromkeys(three, 12.0)}


def accepted(bench: StarterBench) -> int:
    return bench.engine.stats().accepted_tokens


SAMPLING: list[dict[str, Any]] = [
    {"temperature": 0.0},
    {"temperature": 0.8},
    {"temperature": 1.0, "repeat_penalty": 1.3, "presence_penalty": 0.2},
    {"temperature": 0.9, "dry_multiplier": 0.8},
    {"temperature": 0.8, "stop": ("abba", "cccc")},
    {"temperature": 0.8, "top_k": 2, "typical_p": 0.9},
]


@pytest.mark.parametrize("sampling", SAMPLING)
def test_the_starter_writes_the_same_as_alone(
    alone: StarterBench, together: StarterBench, sampling: dict[str, Any]
) -> None:
    """Some answers may differ from some token on: the last bits of the logits may decide between two tokens, and they
    depend on how many rows a step computes. An answer with a wrong state would differ from its first proposals on."""
    before, (prompt, likely) = accepted(together), letters(alone)
    written = agreed = same = 0
    for seed in range(10):
        expected, finished = alone.ask(prompt, seed=seed, **sampling, **likely)
        tokens, again = together.ask(prompt, seed=seed, **sampling, **likely)
        written += len(expected)
        agreed += common_prefix(np.array(expected), np.array(tokens))
        same += tokens == expected and (again.reason, again.usage) == (finished.reason, finished.usage)
    assert agreed / written > 0.5
    assert same >= 2
    assert accepted(together) > before


def test_the_logprobs_of_verified_tokens_are_those_of_the_same_rows(
    alone: StarterBench, together: StarterBench
) -> None:
    choices, before, (prompt, likely) = [], accepted(together), letters(alone)
    for bench in (alone, together):
        bench.submit("logprobs", prompt, temperature=0.8, seed=1, top_logprobs=3, max_tokens=40, **likely)
        bench.recorder.finished("logprobs")
        pieces = [update for update in bench.recorder.of("logprobs") if isinstance(update, Piece)]
        choices.append([choice for piece in pieces for choice in piece.choices])
    assert len(choices[0]) == len(choices[1]) == 40
    assert accepted(together) > before
    for one, other in zip(*choices, strict=True):
        assert one.chosen.piece == other.chosen.piece
        assert other.chosen.logprob == pytest.approx(one.chosen.logprob, abs=0.05)
        assert [top.piece for top in other.top[:1]] == [top.piece for top in one.top[:1]]


def test_an_answer_under_a_schema_obeys_it(together: StarterBench) -> None:
    words = {"type": "array", "items": {"enum": ["small model", "large computer"]}, "minItems": 12, "maxItems": 12}
    grammar = together.engine.grammar({"type": "object", "properties": {"words": words}, "required": ["words"]})
    before = accepted(together)
    tokens, _ = together.ask(None, temperature=0.8, seed=2, grammar=grammar, max_tokens=400)
    text = b"".join(map(together.model.piece, tokens)).decode()
    assert text.count("small model") + text.count("large computer") == 12
    assert accepted(together) > before


def test_sampled_tokens_are_as_likely_as_alone(alone: StarterBench, together: StarterBench) -> None:
    """Compare answers of 200 seeds with those of 200 others."""
    prompt, likely = letters(alone)
    sampling = {"temperature": 1.0, "max_tokens": 6, **likely}
    before = together.engine.stats()
    samples = [
        [tuple(bench.ask(prompt, seed=seed, **sampling)[0]) for seed in seeds]
        for bench, seeds in ((alone, range(200)), (together, range(200, 400)))
    ]
    after = together.engine.stats()
    right = after.accepted_tokens - before.accepted_tokens
    assert 100 < right < 0.8 * (after.proposed_tokens - before.proposed_tokens)
    for length in (1, 2, 3, 6):
        one, other = ([answer[:length] for answer in answers] for answers in samples)
        assert _difference(one, other) < _chance(one, other), length


def _difference(one: list[tuple[int, ...]], other: list[tuple[int, ...]]) -> float:
    """Return the part of the answers by which two samples differ."""
    return (Counter(one) - Counter(other)).total() / len(one)


def _chance(one: list[tuple[int, ...]], other: list[tuple[int, ...]]) -> float:
    """Return the greatest difference of 300 random divisions of all answers, and a little more."""
    chooser, both = random.Random(1), [*one, *other]
    found = []
    for _ in range(300):
        chooser.shuffle(both)
        found.append(_difference(both[: len(one)], both[len(one) :]))
    return max(found) + 0.01
