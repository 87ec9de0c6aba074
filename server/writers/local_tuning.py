"""Conversion of the new parameters of a running answer to the engine's."""

from __future__ import annotations

import secrets
from typing import Any, Final

from protocol.messages import Generate, Tune
from protocol.tuned import to_json, values_of
from server.chat.template import ChatTemplate
from server.engine.base import RANDOM_SEED, Engine, Tuning
from server.writers.local_sampling import token_biases
from server.writers.local_tools import call_grammar

_CONVERTED: Final = ("stop", "logit_bias", "json_schema", "seed")
"""Parameters with another form in the engine; the protocol doesn't let a schema be tuned."""


def make_tuning(body: Generate, message: Tune, engine: Engine, template: ChatTemplate) -> Tuning:
    """Return the engine's form of ``message`` for the answer to ``body``.

    A random seed is drawn here, so that a restarted server can resume the answer. Run it on a worker thread. Raises
    EngineDeadError, and RemoteProtocolError for a token that the model doesn't have.
    """
    params = message.params
    changes: dict[str, Any] = {
        name: value
        for name in params.__struct_fields__
        if name not in _CONVERTED and (value := getattr(params, name)) is not None
    }
    if params.seed is not None:
        changes["seed"] = secrets.randbits(32) if params.seed == RANDOM_SEED else params.seed
    if params.stop is not None:
        changes["stop"] = (*params.stop, *_own_stops(body, engine, template))
    if params.logit_bias is not None:
        changes["logit_bias"] = token_biases(params, engine.facts.vocabulary)
    return Tuning(to_json(values_of(message)), changes)


def _own_stops(body: Generate, engine: Engine, template: ChatTemplate) -> tuple[str, ...]:
    """Return the stop strings of the model and the template, where they apply (local_sampling.py)."""
    if body.raw or body.params.json_schema is not None or call_grammar(body, engine, template) is not None:
        return ()
    return (*engine.facts.sampling.stop, *template.stop)
