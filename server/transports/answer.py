"""One generation as a whole, as the HTTP endpoints return it (PROTOCOL 13.5)."""

from __future__ import annotations

import msgspec

from protocol.messages import (
    DoneReason,
    ErrorInfo,
    Facts,
    GenerationState,
    Id,
    Instruction,
    Seq,
    Timings,
    ToolCall,
    TunedValues,
    Usage,
)
from server.generations.generation import Generation
from server.generations.registry import Registry


class Answer(Facts, frozen=True, kw_only=True):
    """State of a generation and its text so far; after its `done`, the fields of that too.

    ``pieces``: text of each event, from number 1 on; "" for an instruction or a change of parameters.
    """

    id: Id
    epoch: Id
    state: GenerationState
    seq: Seq
    text: str
    model: str | None = None
    reason: DoneReason | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    error: ErrorInfo | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    content: str | None = None
    steered: tuple[Instruction, ...] | None = None
    tuned: TunedValues | None = None
    pieces: tuple[str, ...] | None = None


def shown_model(generation: Generation, registry: Registry) -> str | None:
    """Return the name of the model that writes ``generation``; None on a server with one model."""
    return generation.model if len(registry.writer.models) > 1 else None


def answer_of(generation: Generation, registry: Registry, *, with_pieces: bool = False) -> Answer:
    log = generation.log
    done = log.done
    return Answer(
        id=log.id,
        epoch=log.epoch,
        state=generation.state,
        seq=log.seq,
        text=log.text,
        model=shown_model(generation, registry),
        reason=done.reason if done else None,
        usage=done.usage if done else None,
        timings=done.timings if done else None,
        error=done.error if done else None,
        tool_calls=log.tool_calls,
        content=log.content if done else None,
        steered=log.instructions or None,
        tuned=log.tuned,
        pieces=tuple(entry.text for entry in log.written()) if with_pieces else None,
    )


def encoded(answer: Answer) -> str:
    return msgspec.json.encode(answer).decode() + "\n"
