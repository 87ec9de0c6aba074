"""Ids of the models in OpenAI's API, and the model that a request names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from protocol.messages import ModelState
from server.writers.writer_port import ServedModel

OWNER: Final = "streamui"


class ListedModel(NamedTuple):
    """A model with its id."""

    id: str
    served: ServedModel


def listed_models(models: Sequence[ServedModel], default: str | None = None) -> tuple[ListedModel, ...]:
    """Return the models with unique ids. ``default``: a name for the id of the first one; None: its own."""
    found: dict[str, ServedModel] = {}
    here = (model for model in models if model.state is not ModelState.DOWNLOADING)
    for place, model in enumerate(here):
        id = base = model_id(default if default and place == 0 else model.name)
        number = 1
        while id in found:
            number += 1
            id = f"{base}-{number}"
        found[id] = model
    return tuple(ListedModel(id, model) for id, model in found.items())


def model_id(name: str) -> str:
    """Return a model's name without spaces, so that it can be part of an address."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-") or "model"


def wanted_model(models: Sequence[ListedModel], wanted: Any) -> ListedModel:
    """Return the model that a request names by its id or name.

    Any other name means the default one: many programs have the name of one of OpenAI's models built in.
    """
    return next((model for model in models if wanted in (model.id, model.served.name)), models[0])


def model_object(model: ListedModel, created: int) -> dict[str, Any]:
    """Return the entry of ``/v1/models``.

    After OpenAI's fields come those of Anthropic, vLLM and llama-server.
    """
    served = model.served
    return {
        "id": model.id,
        "object": "model",
        "created": created,
        "owned_by": OWNER,
        "type": "model",
        "display_name": model.served.name,
        "created_at": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "max_model_len": served.context,
        "meta": {
            "n_ctx": served.context,
            "n_ctx_train": served.trained_context,
            "n_vocab": served.vocabulary,
            "n_params": served.parameters,
            "size": served.size,
        },
    }
