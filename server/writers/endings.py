"""The end of a generation that no writer has started."""

from __future__ import annotations

from server.engine.base import EngineTimings, EngineUsage, Finished, FinishReason, GenerationRequest, Phase


def ended(request: GenerationRequest, reason: FinishReason, error: str | None = None) -> Finished:
    """Return the last update of a request that is not submitted."""
    usage = EngineUsage(prompt_tokens=len(request.prompt), cached_tokens=0, completion_tokens=len(request.written))
    timings = EngineTimings(queued=0.0, prefill=None, first_token=None, decode=None, total=0.0, stop=None)
    phase = Phase.DECODE if request.written else Phase.QUEUED
    return Finished(request.id, reason, phase, usage, timings, error)
