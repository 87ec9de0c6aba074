"""Conversion of a client's ``params`` to the engine's SamplingParams."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, Final

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate, Params
from server.engine.base import RANDOM_SEED, Engine, EngineModelFacts, GrammarError, SamplingParams
from server.writers.request_errors import refusal

_NOT_TAKEN_OVER: Final = ("stop", "logit_bias", "json_schema", "seed")
"""Parameters with the same meaning but another form in the engine."""


def resolve_sampling(
    body: Generate, engine: Engine, template_stop: tuple[str, ...] = (), call_grammar: str | None = None
) -> SamplingParams:
    """Return the client's parameters, completed with the model's recommendations.

    ``template_stop``: the chat template's stop strings. ``call_grammar``: that of a forced call (local_tools.py). The
    stop strings of the template and the model don't apply to a raw prompt, nor under a grammar, where they may be part
    of a JSON string. A random seed is drawn here, so that a restarted server can resume the answer. Run it on a worker
    thread: a grammar takes time. Raises RemoteProtocolError for an unknown token or an unsupported schema.
    """
    params, facts = body.params, engine.facts
    given: dict[str, Any] = {
        name: value
        for name in params.__struct_fields__
        if name not in _NOT_TAKEN_OVER and (value := getattr(params, name)) is not None
    }
    grammar = call_grammar or _grammar(body, engine)
    plain = not body.raw and grammar is None
    return replace(
        facts.sampling,
        **given,
        seed=secrets.randbits(32) if params.seed in (None, RANDOM_SEED) else params.seed,
        stop=(*(params.stop or ()), *((*facts.sampling.stop, *template_stop) if plain else ())),
        logit_bias=_biases(body, facts),
        grammar=grammar,
        top_logprobs=body.top_logprobs,
    )


def token_biases(params: Params, vocabulary: int) -> dict[int, float]:
    """Return ``logit_bias`` with tokens as numbers. Raises RemoteProtocolError for one beyond the ``vocabulary``."""
    biases = {int(token): bias for token, bias in (params.logit_bias or {}).items()}
    for token in biases:
        if token >= vocabulary:
            field = "params.logit_bias"
            text = f"{field}: there is no token {token}; this model's tokens are 0 to {vocabulary - 1}"
            raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=field)
    return biases


def _biases(body: Generate, facts: EngineModelFacts) -> dict[int, float]:
    try:
        return token_biases(body.params, facts.vocabulary)
    except RemoteProtocolError as error:
        raise refusal(body, error.code, error.message, field=error.field) from error


def _grammar(body: Generate, engine: Engine) -> str | None:
    if body.params.json_schema is None:
        return None
    field = "params.json_schema"
    try:
        return engine.grammar(body.params.json_schema)
    except GrammarError as error:
        raise refusal(body, ErrorCode.UNSUPPORTED, f"{field}: {error}", field=field) from error
