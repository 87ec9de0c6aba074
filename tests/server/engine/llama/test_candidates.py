"""The most likely tokens are found exactly, for any logits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from server.engine.llama import candidates
from server.engine.llama.candidates import STRIDE, Logits
from server.engine.llama.sampler import logprobs
from server.engine.model import LogitsError

few_values = st.sampled_from([-np.inf, -3.0, -0.5, 0.0, 0.25, 7.0])
"""Strategy: few different logits, so that there are many ties and many impossible tokens."""
finite = st.floats(-100, 100, width=32)


def logits_of(size: int, value: st.SearchStrategy[float]) -> st.SearchStrategy[Logits]:
    return arrays.arrays(np.float32, size, elements=value, fill=value)


sizes = st.sampled_from([1, 5, STRIDE, 500, STRIDE * 20, STRIDE * 20 + 13, 5000])
many = sizes.flatmap(lambda size: st.one_of(logits_of(size, few_values), logits_of(size, finite)))


@given(many, st.integers(1, 60))
def test_the_likeliest_are_among_those_found(logits: Logits, count: int) -> None:
    found = candidates.likeliest(logits, count)
    assert len(set(found.tolist())) == len(found)
    expected = np.sort(logits)[::-1][:count]
    assert np.array_equal(np.sort(logits[found])[::-1][:count], expected)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_so_they_are_among_random_numbers(seed: int, count: int) -> None:
    logits = np.random.default_rng(seed).normal(size=20_000).astype(np.float32)
    found = candidates.likeliest(logits, count)
    assert set(np.argsort(-logits)[:count].tolist()) <= set(found.tolist())
    assert len(found) < 2000


@given(logits_of(700, finite), st.integers(0, 699), st.integers(0, 20))
def test_logprobs_are_those_of_a_softmax_over_all(logits: Logits, token: int, count: int) -> None:
    wide = logits.astype(np.float64)
    expected = wide - wide.max() - np.log(np.exp(wide - wide.max()).sum())
    told = logprobs(logits, token, count)
    assert told[0][0] == token
    assert len(told) == count + 1
    for each, logprob in told:
        assert logprob == pytest.approx(expected[each], abs=1e-3)
    top = [logprob for _, logprob in told[1:]]
    assert top == sorted(top, reverse=True)
    assert np.allclose(top, np.sort(expected)[::-1][:count], atol=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 37, -1])
def test_logits_that_are_not_numbers_are_an_error(bad: float, place: int) -> None:
    logits = np.zeros(3000, np.float32)
    candidates.check(logits)
    logits[place] = bad
    with pytest.raises(LogitsError, match="NaN or infinity"):
        candidates.check(logits)


def test_tokens_that_are_impossible_are_no_error_unless_all_are() -> None:
    logits = np.full(3000, -np.inf, np.float32)
    with pytest.raises(LogitsError):
        candidates.check(logits)
    logits[5] = 0
    candidates.check(logits)
