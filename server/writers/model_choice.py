"""The model that a request names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from protocol.errors import ErrorCode
from protocol.messages import Generate
from server.engine.base import ModelError
from server.models.names import UnknownNameError, only_called
from server.writers.request_errors import refusal
from server.writers.writer_port import ServedModel


def named_model(body: Generate, models: Sequence[ServedModel]) -> str:
    """Return the name of the model that ``body`` names, or of the default one, which is the first of ``models``.

    A name is understood as by `streamui models`, and after that as the name in a model's file. Raises
    RemoteProtocolError (unknown_model) with the known names, nearest first.
    """
    if body.model is None:
        return models[0].name
    try:
        return only_called(body.model, models, lambda model: model.full_name or model.name).name
    except UnknownNameError as error:
        raise refusal(body, ErrorCode.UNKNOWN_MODEL, f"model: {error}", field="model") from error


def check_unique(names: Sequence[str]) -> None:
    """Check the names of the models that the operator chose. Raises ModelError if two are the same."""
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ModelError(f"--model: two models have the name {name}; rename one of the files, or leave it out")
