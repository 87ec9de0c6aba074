"""Handling of generations that an earlier server left unfinished (PROTOCOL 6.9)."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from server.engine.base import Finished, FinishReason, GenerationRequest
from server.generations.generation import Generation
from server.generations.stored import Stored
from server.writers.endings import ended
from server.writers.writer_port import Writer


class OnRestart(StrEnum):
    """The operator's choice for unfinished generations."""

    CONTINUE = "continue"
    INTERRUPT = "interrupt"


def restored(stored: Stored, model: str, position: int, now: float) -> Generation:
    """Return a generation of the model with this name, with its stored text but without its end.

    ``now`` is a ``time.monotonic()``.
    """
    begun = stored.begun
    generation = Generation(
        begun.id,
        begun.epoch,
        begun.body,
        position,
        model=model,
        dropped=begun.dropped,
        prompt_tokens=len(begun.request.prompt),
        completion_tokens=len(begun.request.written or begun.request.text),
        received=now,
        note=begun.note,
        fork=begun.fork,
        identity=begun.model,
    )
    if not begun.request.unprepared:
        generation.requested(replace(begun.request, sampling=stored.sampling))
    for written in stored.pieces:
        generation.rewrite(written)
    return generation


def resumed(stored: Stored, writer: Writer, wanted: OnRestart, now: float) -> GenerationRequest | Finished:
    """Return the request that resumes it, received at ``time.monotonic()`` ``now``; or its end when it can't be
    resumed."""
    request = stored.begun.request
    if stored.cancelled:
        return ended(request, FinishReason.CANCELLED)
    if wanted is OnRestart.INTERRUPT:
        return ended(request, FinishReason.INTERRUPTED)
    return writer.resumed(request, stored.begun.model, now)
