"""What becomes of a generation that an earlier server left unfinished (PROTOCOL 6.9)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from server.engine.base import Finished, FinishReason, GenerationRequest, Update
from server.generations.generation import Generation
from server.generations.stored import Stored
from server.writers.base import Writer
from server.writers.endings import ended


class OnRestart(StrEnum):
    """What the operator wants."""

    CONTINUE = "continue"
    INTERRUPT = "interrupt"


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


def resumed(stored: Stored, writer: Writer, wanted: OnRestart, now: float) -> GenerationRequest | Finished:
    """The request with which it goes on, received at ``time.monotonic()`` ``now``; or its end, where it does not."""
    request = stored.begun.request
    if stored.cancelled:
        return ended(request, FinishReason.CANCELLED)
    if wanted is OnRestart.INTERRUPT:
        return ended(request, FinishReason.INTERRUPTED)
    return writer.resumed(request, stored.begun.model, now)


def without_interrupted(updates: Sequence[Update]) -> list[Update]:
    """A step without those that it interrupts: the next server goes on with these, and holds back again what the engine
    let go of here."""
    interrupted = {u.id for u in updates if isinstance(u, Finished) and u.reason is FinishReason.INTERRUPTED}
    return [update for update in updates if update.id not in interrupted]
