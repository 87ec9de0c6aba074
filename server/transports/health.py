"""``/healthz``: whether the server can still compute, for people and for supervisors."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse

from server.conversations.service import Conversations
from server.generations.registry import Registry


async def healthz(request: Request) -> JSONResponse:
    """200 while the engine lives and takes work, else 503. The token counts grow for as long as the server runs.

    A journal or a store of conversations that has failed is told, and leaves it at 200: answers go on.
    """
    registry: Registry = request.app.state.registry
    conversations: Conversations = request.app.state.conversations
    stats = registry.engine_stats()
    status = "failed" if not stats.alive else "going down" if registry.going_down else "ok"
    body = {
        "status": status,
        "model": registry.model.name,
        "engine": asdict(stats),
        "journal": asdict(registry.journal_status),
        "conversations": asdict(conversations.status),
    }
    return JSONResponse(body, status_code=200 if status == "ok" else 503)
