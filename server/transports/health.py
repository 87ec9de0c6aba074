"""``/healthz``: whether the server can still compute; ``/readyz``: whether it takes new work. For supervisors."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse

from server.conversations.service import Conversations
from server.generations.registry import Registry
from server.transports.requests import NO_STORE


async def healthz(request: Request) -> JSONResponse:
    """200 while all parts of the server live and it takes work, else 503: ``failures`` says which have died, and why.
    The token counts grow for as long as the server runs.

    A disk that can't be written is told, and leaves it at 200: answers go on.
    """
    registry: Registry = request.app.state.registry
    conversations: Conversations = request.app.state.conversations
    stats = registry.writer.stats()
    failed = registry.failure or conversations.failure or registry.parts.failures or not stats.alive
    status = "failed" if failed else "going down" if registry.going_down else "ok"
    body = {
        "status": status,
        "failures": registry.parts.failures,
        "model": registry.writer.facts.name,
        "engine": asdict(stats),
        "journal": asdict(registry.journal_status),
        "conversations": asdict(conversations.status),
    }
    return JSONResponse(body, status_code=200 if status == "ok" else 503)


async def readyz(request: Request) -> JSONResponse:
    """200 while new answers are begun, else 503 with the reason. While the model loads, nothing is answered yet.

    A journal that has failed is a warning: to send people away would cost them more than answers that a crash forgets.
    """
    registry: Registry = request.app.state.registry
    journal = registry.journal_status
    reason = _not_ready(registry)
    body = {
        "ready": reason is None,
        "reason": reason,
        "warnings": [f"journal: {journal.error}"] if journal.error else [],
    }
    return JSONResponse(body, 200 if reason is None else 503, NO_STORE)


def _not_ready(registry: Registry) -> str | None:
    if failure := registry.failure:
        return f"{failure}; the server has to be started again"
    if registry.going_down:
        return "the server is going down"
    return None if registry.writer.stats().alive else "the engine has not started yet"
