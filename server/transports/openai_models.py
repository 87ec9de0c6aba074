"""Endpoints of the models: ``/v1/models``, and embeddings, which this server can't compute."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from server.openai.errors import RefusedError
from server.openai.models import model_object
from server.transports.openai_endpoint import json_response, models_of


async def listed(request: Request) -> Response:
    """``GET /v1/models``: the models of this server, the default one first."""
    data = [model_object(model, request.app.state.started) for model in models_of(request)]
    pages = {"has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}  # of Anthropic's API
    return json_response({"object": "list", "data": data, **pages})


async def read(request: Request) -> Response:
    """``GET /v1/models/{id}``."""
    models, id = models_of(request), request.path_params["id"]
    if (model := next((model for model in models if model.id == id), None)) is None:
        known = ", ".join(model.id for model in models)
        text = f"the model {id[:80]!r} is not here; this server has {known}"
        raise RefusedError(text, param="model", code="model_not_found", status=404)
    return json_response(model_object(model, request.app.state.started))


async def embed(request: Request) -> Response:
    """``POST /v1/embeddings``: refused with a status that no SDK retries."""
    text = "this server computes no embeddings; use a server with an embedding model"
    raise RefusedError(text, code="unsupported_endpoint")
