"""Choice of the next token from logits, with llama.cpp's samplers in llama.cpp's order."""

from __future__ import annotations

import ctypes
import secrets
from collections import deque
from collections.abc import Sequence
from typing import Final

import llama_cpp as ll
import numpy as np
from numpy.typing import NDArray

from server.engine.base import RANDOM_SEED, SamplingParams
from server.engine.llama import candidates
from server.engine.llama.candidates import Logits
from server.engine.llama.context import LlamaContext
from server.engine.llama.json_grammar import Matcher
from server.engine.model import SamplerError

SMALL_VOCABULARY: Final = 16_384
"""Vocabulary size up to which llama.cpp's own loop over all tokens is faster than a search for the likeliest ones."""


class LlamaSampler:
    """Sampler of one answer: the chain, the grammar that its tokens must obey, and the candidates to look at."""

    def __init__(
        self,
        context: LlamaContext,
        params: SamplingParams,
        prompt: Sequence[int],
        written: Sequence[int],
        grammar: Matcher | None,
    ) -> None:
        self._context = context
        self._recent: deque[int] = deque(maxlen=params.repeat_last_n if _penalized(params) else 0)
        self._biased = tuple(params.logit_bias)
        self._narrow = _narrowest(params, context.vocabulary)
        self._array = ll.llama_token_data_array()
        self._grammar = grammar
        self._chain = ll.llama_sampler_chain_init(ll.llama_sampler_chain_default_params())
        for sampler in _chain(context, params, prompt):
            ll.llama_sampler_chain_add(self._chain, sampler)
        self._dist = None if params.temperature == 0 else _dist(params)
        """Final random draw. Apart from the chain, since a grammar may need a second draw for one token."""
        if self._dist is not None and self._grammar is None:
            ll.llama_sampler_chain_add(self._chain, self._dist)
        self._plain = self._grammar is None and context.vocabulary <= SMALL_VOCABULARY
        for token in written:
            self._catch_up(token)

    def sample(self, output: int) -> int:
        """See Sampler.sample."""
        logits = self._context.logits(output)
        candidates.check(logits)
        if self._plain:
            return self._remember(
                ll.llama_sampler_sample(self._chain, self._context.pointer, self._context.index(output))
            )
        data = self._candidates(logits)
        if self._grammar is None:
            token = self._apply(self._chain, data)
        else:
            token = self._choose_allowed(logits, data, self._grammar)
        self._accept(token)
        return self._remember(token)

    def close(self) -> None:
        ll.llama_sampler_free(self._chain)
        if self._grammar is not None and self._dist is not None:
            ll.llama_sampler_free(self._dist)

    def _candidates(self, logits: Logits) -> NDArray[np.void]:
        """Return every token that the chain could choose: the likeliest, and those whose logits it changes.

        Some of the latter may be lowered, which lets as many others into the first ``_narrow``.
        """
        if self._narrow is None:
            return candidates.everything(logits)
        changed = np.array([*set(self._recent), *self._biased], np.intp)
        chosen = candidates.likeliest(logits, self._narrow + len(changed))
        return candidates.some(logits, np.union1d(chosen, changed) if len(changed) else chosen)

    def _choose_allowed(self, logits: Logits, data: NDArray[np.void], grammar: Matcher) -> int:
        """Choose a token that the grammar allows: the first choice if allowed, else one of the allowed tokens.

        Both choices use the same random number, so that each token consumes one.
        """
        before = None if self._dist is None else ll.llama_sampler_clone(self._dist)
        try:
            token = self._draw(data, self._dist)
            return token if grammar.allows(token) else self._draw(candidates.some(logits, grammar.allowed()), before)
        finally:
            if before is not None:
                ll.llama_sampler_free(before)

    def _draw(self, data: NDArray[np.void], dist: object | None) -> int:
        self._point_at(data)
        ll.llama_sampler_apply(self._chain, self._array)
        if dist is not None:
            ll.llama_sampler_apply(dist, self._array)
        return int(self._array.data[self._array.selected].id)

    def _apply(self, sampler: object, data: NDArray[np.void]) -> int:
        self._point_at(data)
        ll.llama_sampler_apply(sampler, self._array)
        return int(self._array.data[self._array.selected].id)

    def _point_at(self, data: NDArray[np.void]) -> None:
        self._array.data = ctypes.cast(data.ctypes.data, ll.llama_token_data_p)  # type: ignore[assignment]
        self._array.size, self._array.selected, self._array.sorted = len(data), -1, False

    def _accept(self, token: int) -> None:
        ll.llama_sampler_accept(self._chain, token)
        if self._grammar is not None:
            self._grammar.accept(token)

    def _remember(self, token: int) -> int:
        self._recent.append(token)
        return token

    def _catch_up(self, token: int) -> None:
        """Update the state as if ``token`` had been chosen.

        The dist sampler draws one number per token. XTC's draws depend on the logits, so with XTC a resumed answer uses
        different random numbers.
        """
        if self._grammar is not None and not self._grammar.allows(token):
            raise SamplerError("the text written before does not obey the grammar")
        if self._dist is not None:
            self._apply(self._dist, np.zeros(1, candidates.TOKEN_DATA))
        self._accept(token)
        self._remember(token)


def logprobs(logits: Logits, token: int, count: int) -> list[tuple[int, float]]:
    """Return ``token`` and then the ``count`` likeliest tokens, each with its logprob, likeliest first."""
    near = candidates.likeliest(logits, count) if count else np.empty(0, np.intp)
    near = near[np.argsort(-logits[near], kind="stable")][:count]
    reported = np.concatenate(([token], near)).astype(np.intp)
    return list(zip(reported.tolist(), candidates.logprobs(logits, reported).tolist(), strict=True))


def _dist(params: SamplingParams) -> object:
    return ll.llama_sampler_init_dist(_seed(params))


def _seed(params: SamplingParams) -> int:
    return secrets.randbits(32) if params.seed == RANDOM_SEED else params.seed


def _penalized(params: SamplingParams) -> bool:
    return params.repeat_penalty != 1 or params.frequency_penalty != 0 or params.presence_penalty != 0


def _narrowest(params: SamplingParams, vocabulary: int) -> int | None:
    """Return how many of the likeliest tokens the chain's first cut needs; None: all."""
    if vocabulary <= SMALL_VOCABULARY or params.dry_multiplier > 0:
        return None
    if params.temperature == 0:
        return 1
    return None if params.top_k == 0 or params.top_n_sigma > 0 else params.top_k


def _chain(context: LlamaContext, params: SamplingParams, prompt: Sequence[int]) -> list[object]:
    """Build the samplers before the final choice (``common_sampler_init`` in llama.cpp)."""
    chain = []
    if params.logit_bias:
        chain.append(_logit_bias(context.vocabulary, params))
    if _penalized(params):
        penalties = (params.repeat_penalty, params.frequency_penalty, params.presence_penalty)
        chain.append(ll.llama_sampler_init_penalties(context.vocabulary, params.repeat_last_n, *penalties))
    if params.dry_multiplier > 0:
        chain.append(_dry(context, params, prompt))
    if params.temperature == 0:
        return [*chain, ll.llama_sampler_init_greedy()]
    if params.top_n_sigma > 0:
        chain.append(ll.llama_sampler_init_top_n_sigma(params.top_n_sigma))
    chain.append(ll.llama_sampler_init_top_k(params.top_k))
    if params.typical_p < 1:
        chain.append(ll.llama_sampler_init_typical(params.typical_p, 1))
    chain.append(ll.llama_sampler_init_top_p(params.top_p, 1))
    chain.append(ll.llama_sampler_init_min_p(params.min_p, 1))
    if params.xtc_probability > 0:
        chain.append(ll.llama_sampler_init_xtc(params.xtc_probability, params.xtc_threshold, 1, _seed(params)))
    chain.append(ll.llama_sampler_init_temp(params.temperature))
    return chain


def _logit_bias(vocabulary: int, params: SamplingParams) -> object:
    biases = (ll.llama_logit_bias * len(params.logit_bias))(
        *(ll.llama_logit_bias(token, bias) for token, bias in params.logit_bias.items())
    )
    return ll.llama_sampler_init_logit_bias(vocabulary, len(biases), biases)


def _dry(context: LlamaContext, params: SamplingParams, prompt: Sequence[int]) -> object:
    """Build the DRY sampler, the only one that also looks at the prompt."""
    breakers = [text.encode() for text in params.dry_sequence_breakers]
    dry = ll.llama_sampler_init_dry(
        context.vocab,
        params.dry_multiplier,
        params.dry_base,
        params.dry_allowed_length,
        params.dry_penalty_last_n,
        (ctypes.c_char_p * len(breakers))(*breakers),
        len(breakers),
    )
    for token in prompt[-params.dry_penalty_last_n :] if params.dry_penalty_last_n else ():
        ll.llama_sampler_accept(dry, token)
    return dry
