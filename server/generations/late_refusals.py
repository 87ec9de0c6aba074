"""Refusals of what a client sends to a running answer: an instruction, or new parameters."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from protocol.errors import ErrorCode, RemoteProtocolError
from server.engine.base import EngineDeadError
from server.generations.generation import Generation


@dataclass(frozen=True)
class LateRefusals:
    """Builds the refusals of one message type. ``re``: that type; ``late``: what has not happened before the answer's
    end, such as "the instruction was read"."""

    re: str
    late: str

    def refusal(
        self, generation: Generation, code: ErrorCode, text: str, field: str | None = None
    ) -> RemoteProtocolError:
        return RemoteProtocolError(code, text, field=field, re=self.re, id=generation.id)

    def of(self, generation: Generation, error: EngineDeadError | RemoteProtocolError) -> RemoteProtocolError:
        """Return the refusal for an error of the writer."""
        if isinstance(error, RemoteProtocolError):
            return self.refusal(generation, error.code, error.message, error.field)
        return self.refusal(generation, ErrorCode.ENGINE_FAILED, str(error))

    def already_done(self, generation: Generation) -> RemoteProtocolError:
        done = generation.log.done
        state = f"had ended before {self.late}: {done.reason}" if done else "is being stopped"
        return self.refusal(generation, ErrorCode.ALREADY_DONE, f"generation {generation.id!r} {state}; ask again")

    def check_running(self, generation: Generation) -> None:
        """Raise RemoteProtocolError already_done if the generation has ended or is being stopped."""
        if generation.log.done or generation.cancel_received is not None:
            raise self.already_done(generation)


def retrieve(future: asyncio.Future[Any]) -> None:
    """Mark the future's exception as retrieved: the sender of the message may have left."""
    if not future.cancelled():
        future.exception()
