"""From the ``params`` of a client to the engine's SamplingParams."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Params
from server.engine.base import ModelFacts, SamplingParams


def resolve_sampling(params: Params, facts: ModelFacts, template_stop: tuple[str, ...] = ()) -> SamplingParams:
    """What the client asked for, and what the model recommends where it asked for nothing.

    Raises RemoteProtocolError for a ``logit_bias`` of a token that the model doesn't have.
    """
    given: dict[str, Any] = {
        name: value for name in params.__struct_fields__ if (value := getattr(params, name)) is not None
    }
    given["stop"] = (*(params.stop or ()), *template_stop)
    given["logit_bias"] = _token_biases(params, facts)
    return replace(facts.sampling, **given)


def _token_biases(params: Params, facts: ModelFacts) -> dict[int, float]:
    biases = {int(token): bias for token, bias in (params.logit_bias or {}).items()}
    for token in biases:
        if token >= facts.vocabulary:
            text = f"params.logit_bias: there is no token {token}; this model's tokens are 0 to {facts.vocabulary - 1}"
            raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="params.logit_bias", re="generate")
    return biases
