"""The end of a generation that no writer has started."""

from __future__ import annotations

from dataclasses import replace

from server.engine.base import EngineTimings, EngineUsage, Finished, FinishReason, GenerationRequest, Phase


def stopped(request: GenerationRequest, received: float, now: float) -> Finished:
    """Return the last update of a request whose model is not loaded yet, after a cancel at ``received``.

    Both are ``time.monotonic()``.
    """
    total, stop = (max(0.0, now - since) * 1000 for since in (request.received, received))
    timings = EngineTimings(queued=total, prefill=None, first_token=None, decode=None, total=total, stop=stop)
    end = ended(request, FinishReason.CANCELLED)
    return replace(end, phase=Phase.DECODE if request.written else Phase.LOADING, timings=timings)


def ended(
    request: GenerationRequest, reason: FinishReason, error: str | None = None, code: str | None = None
) -> Finished:
    """Return the last update of a request that is not submitted. ``code``: of the error, None: the engine's."""
    usage = EngineUsage(
        prompt_tokens=len(request.prompt),
        cached_tokens=0,
        completion_tokens=len(request.written or request.text),
        counted=bool(request.text),
    )
    timings = EngineTimings(queued=0.0, prefill=None, first_token=None, decode=None, total=0.0, stop=None)
    phase = Phase.DECODE if request.written or request.text else Phase.QUEUED
    return Finished(request.id, reason, phase, usage, timings, error, code=code)
