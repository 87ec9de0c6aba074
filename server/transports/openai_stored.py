"""Stored responses: generations with a note (response_note.py), found by the principal's id."""

from __future__ import annotations

from typing import Final, NamedTuple

from starlette.requests import HTTPConnection

from server.generations.generation import Generation
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

    def answer(self) -> ResponseAnswer:
        """Return the answer with all of its log."""
        answer = ResponseAnswer(self.generation.id, self.note)
        for seq in range(1, self.generation.log.seq + 1):
            event = self.generation.log.event(seq)
            assert event is not None
            for _ in answer.feed(event):
                pass
        return answer

    def items(self) -> list[Item]:
        """Return the items with which a response after this one begins: its whole input, and its output without a call
        that was cut.

        Raises RefusedError while it is being written.
        """
        if self.generation.log.done is None:
            text = f"previous_response_id: {self.generation.id} is still being written; wait for its end, or cancel it"
            raise RefusedError(text, param="previous_response_id", code="previous_response_not_completed")
        output: list[Item] = self.answer().whole()["output"]
        return [*self.note.items, *(item for item in output if not _is_cut_call(item))]


def _is_cut_call(item: Item) -> bool:
    return (item["type"], item["status"]) == ("function_call", "incomplete")


def stored_response(request: HTTPConnection, id: str) -> StoredResponse:
    """Return the principal's response ``id``. Raises RefusedError: 404."""
    if (found := find_response(request, id)) is None:
        text = f"there is no response {id[:SHOWN]!r}; it may have expired"
        raise RefusedError(text, param="response_id", code="not_found", status=404)
    return found


def previous_items(request: HTTPConnection, id: str | None) -> list[Item]:
    """Return the items with which a response after the principal's response ``id`` begins; none without an id.

    Raises RefusedError.
    """
    if id is None:
        return []
    if (found := find_response(request, id)) is None:
        text = f"previous_response_id: there is no response {id[:SHOWN]!r}; it may have expired: send the whole input"
        raise RefusedError(text, param="previous_response_id", code="previous_response_not_found")
    return found.items()


def find_response(request: HTTPConnection, id: str) -> StoredResponse | None:
    """Return the principal's response ``id``; None if there is none, or if it was not to be stored."""
    registry: Registry = request.app.state.registry
    generation = registry.find(id, principal_of(request.scope))
    note = decoded_note(generation.note) if generation else None
    return StoredResponse(generation, note) if generation and note else None
