"""``/healthz``: whether the server can still compute, for people and for supervisors."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse

from server.generations.registry import Registry


async def healthz(request: Request) -> JSONResponse:
    """200 while the engine lives, else 503 with the reason. The token counts grow for as long as the server runs."""
    registry: Registry = request.app.state.registry
    stats = registry.engine_stats()
    body = {"status": "ok" if stats.alive else "failed", "model": registry.model.name, "engine": asdict(stats)}
    return JSONResponse(body, status_code=200 if stats.alive else 503)
