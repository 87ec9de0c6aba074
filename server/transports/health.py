"""Endpoints for supervisors: ``/healthz``, is the server alive; ``/readyz``, does it accept new work."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse

from protocol.messages import ModelState
from server.conversations.service import Conversations
from server.generations.registry import Registry
from server.transports.requests import NO_STORE


async def healthz(request: Request) -> JSONResponse:
    """``GET /healthz``: 200 while all parts of the server are alive, else 503 with the reason for each dead one.

    The token counts grow while the server runs. A disk that can't be written is reported with 200: answers continue.
    """
    registry: Registry = request.app.state.registry
    conversations: Conversations = request.app.state.conversations
    stats = registry.writer.stats()
    failed = registry.failure or conversations.failure or registry.parts.failures or not stats.alive
    status = "failed" if failed else "going down" if registry.shutting_down else "ok"
    body = {
        "status": status,
        "failures": registry.parts.failures,
        "model": registry.writer.facts.name,
        "engine": asdict(stats),
        "journal": asdict(registry.journal_status),
        "models": _models(registry),
        "conversations": asdict(conversations.status),
    }
    return JSONResponse(body, status_code=200 if status == "ok" else 503)


async def readyz(request: Request) -> JSONResponse:
    """``GET /readyz``: 200 while new answers are started, else 503 with the reason.

    Until the model is loaded the server does not listen. A failed journal is a warning only: without a journal a crash
    loses answers, but a server that refuses work loses all of them.
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
        return f"{failure}; restart the server"
    if registry.shutting_down:
        return "the server is going down"
    return None if registry.writer.stats().alive else "the engine has not started yet"


def _models(registry: Registry) -> list[dict[str, str]]:
    """Return the models that are loaded, are being loaded or have failed. Each failed one has its error."""
    shown = [model for model in registry.writer.models if model.state is not ModelState.ON_DISK]
    return [{"name": each.name, "state": each.state, **({"error": each.error} if each.error else {})} for each in shown]
