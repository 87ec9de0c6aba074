"""What becomes of a generation that an earlier server left unfinished (PROTOCOL 6.9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from server.engine.base import (
    Finished,
    FinishReason,
    GenerationRequest,
    ModelFacts,
    Phase,
    Timings,
    Update,
    Usage,
)
from server.generations.generation import Generation
from server.generations.stored import Stored


class OnRestart(StrEnum):
    """What the operator wants."""

    CONTINUE = "continue"
    INTERRUPT = "interrupt"


def model_identity(facts: ModelFacts) -> str:
    """What tells one model's tokens from another's, for people too."""
    return f"{facts.name} ({facts.architecture}, {facts.parameters} parameters, vocabulary of {facts.vocabulary})"


def restored(stored: Stored, position: int, now: float) -> Generation:
    """A generation with all the text that it had, as of ``time.monotonic()`` ``now``; without its end."""
    begun = stored.begun
    generation = Generation(
        begun.id,
        begun.epoch,
        begun.body,
        position,
        prompt_tokens=len(begun.request.prompt),
        completion_tokens=len(begun.request.written),
        received=now,
    )
    for written in stored.pieces:
        generation.write(written.text, written.choices)
    return generation


def resumed(stored: Stored, facts: ModelFacts, wanted: OnRestart, now: float) -> GenerationRequest | Finished:
    """The request with which it goes on, received at ``time.monotonic()`` ``now``; or its end, where it does not."""
    request, model = stored.begun.request, model_identity(facts)
    tokens = len(request.prompt) + len(request.written)
    if stored.cancelled:
        return ended(request, FinishReason.CANCELLED)
    if wanted is OnRestart.INTERRUPT:
        return ended(request, FinishReason.INTERRUPTED)
    if stored.begun.model != model:
        text = f"it was begun with {stored.begun.model}, and the server now has {model}; ask again"
        return ended(request, FinishReason.FAILED, text)
    if tokens > facts.context:
        text = f"it has {tokens} tokens already, and the context now holds {facts.context}; ask again"
        return ended(request, FinishReason.FAILED, text)
    return replace(request, received=now)


def ended(request: GenerationRequest, reason: FinishReason, error: str | None = None) -> Finished:
    """The end of one that the engine doesn't get to see."""
    usage = Usage(prompt_tokens=len(request.prompt), cached_tokens=0, completion_tokens=len(request.written))
    timings = Timings(queued=0.0, prefill=None, first_token=None, decode=None, total=0.0, stop=None)
    phase = Phase.DECODE if request.written else Phase.QUEUED
    return Finished(request.id, reason, phase, usage, timings, error)


def without_interrupted(updates: Sequence[Update]) -> list[Update]:
    """A step without those that it interrupts: the next server goes on with these, and holds back again what the engine
    let go of here."""
    interrupted = {u.id for u in updates if isinstance(u, Finished) and u.reason is FinishReason.INTERRUPTED}
    return [update for update in updates if update.id not in interrupted]
