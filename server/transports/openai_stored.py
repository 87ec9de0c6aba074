"""Stored responses: generations with a note (response_note.py), found by the principal's id."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from starlette.requests import HTTPConnection

from protocol.messages import Steered, Tuned
from server.generations.generation import WAITING, Generation
from server.generations.registry import Registry
from server.guard.principal import principal_of
from server.openai.errors import RefusedError
from server.openai.items import Item
from server.openai.response_answer import ResponseAnswer
from server.openai.response_note import ResponseNote, decoded_note

SHOWN: Final = 80
"""Characters of a client's id that an error repeats."""


class StoredResponse(NamedTuple):
    """A response and what is kept of it."""

    generation: Generation
    note: ResponseNote

    async def now(self) -> dict[str, Any]:
        """Return the response as it is now: without output while it is being written."""
        if self.generation.log.done is None:
            return ResponseAnswer(self.generation.id, self.note).whole(waiting=is_waiting(self.generation))
        # Takes 50 ms for an answer of 8,000 tokens, too long for the event loop.
        return await asyncio.to_thread(self._whole)

    def _whole(self) -> dict[str, Any]:
        """Return the response, which has ended: its log changes no more."""
        answer = ResponseAnswer(self.generation.id, self.note)
        for seq in range(1, self.generation.log.seq + 1):
            event = self.generation.log.event(seq)
            assert event is not None
            if isinstance(event, Steered | Tuned):
                continue
            for _ in answer.feed(event):
                pass
        return answer.whole()

    async def items(self) -> list[Item]:
        """Return the items with which a response after this one begins: its whole input, and its output without a call
        that was cut.

        Raises RefusedError while it is being written.
        """
        if self.generation.log.done is None:
            text = f"previous_response_id: {self.generation.id} is still being written; wait for its end, or cancel it"
            raise RefusedError(text, param="previous_response_id", code="previous_response_not_completed")
        output: list[Item] = (await self.now())["output"]
        return [*self.note.items, *(item for item in output if not _is_cut_call(item))]


def _is_cut_call(item: Item) -> bool:
    return (item["type"], item["status"]) == ("function_call", "incomplete")


def is_waiting(generation: Generation) -> bool:
    """Tell whether a generation waits in the queue."""
    return generation.state in WAITING


def stored_response(request: HTTPConnection, id: str) -> StoredResponse:
    """Return the principal's response ``id``. Raises RefusedError: 404."""
    if (found := find_response(request, id)) is None:
        text = f"there is no response {id[:SHOWN]!r}; it may have expired"
        raise RefusedError(text, param="response_id", code="not_found", status=404)
    return found


async def previous_items(request: HTTPConnection, id: str | None) -> list[Item]:
    """Return the items with which a response after the principal's response ``id`` begins; none without an id.

    Raises RefusedError.
    """
    if id is None:
        return []
    if (found := find_response(request, id)) is None:
        text = f"previous_response_id: there is no response {id[:SHOWN]!r}; it may have expired: send the whole input"
        raise RefusedError(text, param="previous_response_id", code="previous_response_not_found")
    return await found.items()


def find_response(request: HTTPConnection, id: str) -> StoredResponse | None:
    """Return the principal's response ``id``; None if there is none, or if it was not to be stored."""
    registry: Registry = request.app.state.registry
    generation = registry.find(id, principal_of(request.scope))
    note = decoded_note(generation.note) if generation else None
    return StoredResponse(generation, note) if generation and note else None
