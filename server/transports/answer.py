"""One generation as a whole, as the HTTP endpoints return it (PROTOCOL 13.5)."""

from __future__ import annotations

import msgspec

from protocol.messages import DoneReason, ErrorInfo, Facts, GenerationState, Id, Seq, Timings, Usage
from server.generations.generation import Generation


class Answer(Facts, frozen=True, kw_only=True):
    """State of a generation and its text so far; after its `done`, the fields of that too."""

    id: Id
    epoch: Id
    state: GenerationState
    seq: Seq
    text: str
    reason: DoneReason | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    error: ErrorInfo | None = None


def answer_of(generation: Generation) -> Answer:
    log = generation.log
    done = log.done
    return Answer(
        id=log.id,
        epoch=log.epoch,
        state=generation.state,
        seq=log.seq,
        text=log.text,
        reason=done.reason if done else None,
        usage=done.usage if done else None,
        timings=done.timings if done else None,
        error=done.error if done else None,
    )


def encoded(answer: Answer) -> str:
    return msgspec.json.encode(answer).decode() + "\n"
