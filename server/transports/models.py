"""Endpoints of the models on this machine and of the hub (docs/models.md)."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from protocol.errors import ErrorCode, RemoteProtocolError
from server.generations.registry import Registry
from server.models.hub import is_repository
from server.transports.generations import while_connected
from server.transports.model_access import access_of, answer

MOST_SEARCHED: Final = 200
"""Longest search of the hub, in characters."""


async def listed(request: Request) -> Response:
    """``GET /api/models``: the models of this machine, and what this principal may do with them."""
    access = access_of(request)
    models = access.models()
    facts = await access.run(models.listed)
    return answer(facts | {"may_get": access.may_get(request), "offline": models.offline})


async def remove(request: Request) -> Response:
    """``DELETE /api/models/{name}``: delete a model of the models folder, by its full name."""
    access = access_of(request)
    models, name = access.got_by(request), request.path_params["name"]
    removed = await access.run(lambda: models.remove(name))
    registry: Registry = request.app.state.registry
    await asyncio.to_thread(registry.writer.refresh)
    return answer({"full_name": removed})


async def search(request: Request) -> Response:
    """``GET /api/hub?q=``: repositories of the hub with GGUF files."""
    access = access_of(request)
    models, words = access.online(request), request.query_params.get("q", "").strip()
    if not 1 <= len(words) <= MOST_SEARCHED:
        text = f"q must be 1 to {MOST_SEARCHED} characters: words that are in the name of a model"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="q")
    found = await while_connected(request, access.run(lambda: models.search(words), hub=True))
    return answer({"repositories": found})


async def repository(request: Request) -> Response:
    """``GET /api/hub/{owner}/{repository}``: the models of a repository, with sizes and memory needs."""
    access = access_of(request)
    models = access.online(request)
    name = f"{request.path_params['owner']}/{request.path_params['repository']}"
    if ":" in name or not is_repository(name):
        text = f"{name[:80]!r} is not a repository's name, such as OWNER/REPOSITORY"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="repository")
    found = await while_connected(request, access.run(lambda: models.repository(name), hub=True))
    return answer({"repository": name, "models": found})
