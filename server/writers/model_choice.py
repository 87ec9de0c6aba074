"""The model that a request names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from protocol.errors import ErrorCode
from protocol.messages import Generate
from server.engine.base import ModelError
from server.models.names import nearest_first
from server.writers.request_errors import refusal
from server.writers.writer_port import ServedModel

NAMES_SHOWN = 20
"""Most names in an error message. Further models are only counted."""


def named_model(body: Generate, models: Sequence[ServedModel]) -> str:
    """Return the name of the model that ``body`` names, or of the default one, which is the first of ``models``.

    Raises RemoteProtocolError (unknown_model) with the known names, nearest first.
    """
    names = [model.name for model in models]
    if body.model is None:
        return names[0]
    if body.model in names:
        return body.model
    near = nearest_first(body.model, names)
    shown = ", ".join(repr(name) for name in near[:NAMES_SHOWN])
    more = f" and {len(near) - NAMES_SHOWN} more" if len(near) > NAMES_SHOWN else ""
    text = f"model: this server has no model {body.model!r}; it has {shown}{more}"
    raise refusal(body, ErrorCode.UNKNOWN_MODEL, text, field="model")


def unique_names(models: Sequence[tuple[Path, str]]) -> list[str]:
    """Return a name for each model, of its path and the name in its file: that name, or the path's where several models
    have it.

    Raises ModelError when these are the same too.
    """
    common = Counter(name for _, name in models)
    names = [path.stem if common[name] > 1 else name for path, name in models]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ModelError(f"--model: two models have the name {name}; rename one of the files, or leave it out")
    return names
