"""From the ``params`` of a client to the engine's SamplingParams."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate
from server.engine.base import ModelFacts, SamplingParams


def resolve_sampling(body: Generate, facts: ModelFacts, template_stop: tuple[str, ...] = ()) -> SamplingParams:
    """What the client asked for, and what the model recommends where it asked for nothing.

    ``template_stop`` are the stop strings of the chat template, which a raw prompt does without. Raises
    RemoteProtocolError for a ``logit_bias`` of a token that the model doesn't have.
    """
    params = body.params
    given: dict[str, Any] = {
        name: value for name in params.__struct_fields__ if (value := getattr(params, name)) is not None
    }
    given["stop"] = (*(params.stop or ()), *(() if body.raw else template_stop))
    given["logit_bias"] = _token_biases(body, facts)
    return replace(facts.sampling, **given)


def _token_biases(body: Generate, facts: ModelFacts) -> dict[int, float]:
    biases = {int(token): bias for token, bias in (body.params.logit_bias or {}).items()}
    for token in biases:
        if token >= facts.vocabulary:
            field, last = "params.logit_bias", facts.vocabulary - 1
            text = f"{field}: there is no token {token}; this model's tokens are 0 to {last}"
            raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=field, re="generate", id=body.id)
    return biases
