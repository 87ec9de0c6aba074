"""The model that a request names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from protocol.errors import ErrorCode
from protocol.messages import Generate
from server.engine.base import ModelError
from server.models.names import ends_with, nearest_first
from server.writers.request_errors import refusal
from server.writers.writer_port import ServedModel

NAMES_SHOWN = 20
"""Most names in an error message. Further models are only counted."""


def named_model(body: Generate, models: Sequence[ServedModel]) -> str:
    """Return the name of the model that ``body`` names, or of the default one, which is the first of ``models``.

    A name is understood as by `streamui models`, and after that as the name in a model's file. Raises
    RemoteProtocolError (unknown_model) with the known names, nearest first.
    """
    if body.model is None:
        return models[0].name
    found = _called(body.model, models)
    if len(found) == 1:
        return found[0].name
    if found:
        full = [model.full_name or model.name for model in found]
        text = f"model: several models have the name {body.model!r}; name one of them: {_listed(full)}"
    else:
        near = nearest_first(body.model, [model.name for model in models])
        text = f"model: this server has no model {body.model!r}; it has {_listed(near)}"
    raise refusal(body, ErrorCode.UNKNOWN_MODEL, text, field="model")


def _called(text: str, models: Sequence[ServedModel]) -> Sequence[ServedModel]:
    """Return the models of this name, by the first rule that finds any."""
    if exact := [model for model in models if model.name == text]:
        return exact
    named = [(model, model.full_name or model.name) for model in models]
    wanted = text.strip("/")
    folded = wanted.casefold()
    return (
        [model for model, name in named if name == wanted]
        or [model for model, name in named if ends_with(name, wanted)]
        or [model for model in models if model.title == text]
        or [model for model, name in named if ends_with(name.casefold(), folded)]
        or [model for model, name in named if ends_with(name, f"{wanted}:latest")]
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:NAMES_SHOWN])
    return f"{shown} and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else shown


def check_unique(names: Sequence[str]) -> None:
    """Check the names of the models that the operator chose. Raises ModelError if two are the same."""
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ModelError(f"--model: two models have the name {name}; rename one of the files, or leave it out")
