"""Endpoints of OpenAI's API: their errors, and what a request needs from the server."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

import server
from protocol.errors import RemoteProtocolError
from server.generations.registry import Registry
from server.openai.errors import ErrorReply, error_reply
from server.openai.facts import AnswerFacts
from server.openai.models import ListedModel, listed_models, wanted_model
from server.transports.requests import JSON, NO_STORE, Endpoint


class OpenAIEndpoint(Endpoint):
    """A route with one method that reports errors in OpenAI's form."""

    def __init__(self, method: str, path: str, endpoint: Callable[[Request], Awaitable[Any]]) -> None:
        async def respond(request: Request) -> Any:
            try:
                return await endpoint(request)
            except RemoteProtocolError as error:
                return error_response(error_reply(error))

        super().__init__(method, path, respond)


def error_response(reply: ErrorReply) -> Response:
    return Response(reply.content, reply.status, {**NO_STORE, **reply.headers}, media_type=JSON)


def json_response(content: Any) -> Response:
    return Response(msgspec.json.encode(content) + b"\n", 200, NO_STORE, media_type=JSON)


def models_of(request: HTTPConnection) -> tuple[ListedModel, ...]:
    """Return the models of the server, the default one first."""
    registry: Registry = request.app.state.registry
    return listed_models(registry.writer.models, request.app.state.default_model)


def answer_facts(request: HTTPConnection, prefix: str, model: Any) -> AnswerFacts:
    """Return the facts of a new answer, whose id begins with ``prefix``, of the model that the request names."""
    id, chosen = f"{prefix}{secrets.token_hex(16)}", wanted_model(models_of(request), model)
    fingerprint = f"streamui-{server.__version__}"
    return AnswerFacts(id, int(time.time()), chosen.id, chosen.served.name, fingerprint)
