"""Start of a response: its generation, and the note that is kept with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from starlette.requests import HTTPConnection

from protocol.errors import RemoteProtocolError
from protocol.messages import Generate
from server.conversations.service import Conversations
from server.guard.principal import principal_of
from server.openai.errors import rename_field
from server.openai.items import Item
from server.openai.response_note import ResponseNote, encoded_note
from server.openai.response_request import ResponseRequest
from server.transports.openai_endpoint import answer_facts
from server.transports.openai_stored import StoredResponse

NAMES: Final = {"messages": "input", "params.json_schema": "text.format"}
"""Names of fields in the request, by those in a `generate`."""


class ResponseStart(NamedTuple):
    """A response to start. ``note_text`` is empty if it is not to be stored; ``written``: beginning of the answer."""

    body: Generate
    note: ResponseNote
    note_text: str
    written: str


def response_start(request: HTTPConnection, asked: ResponseRequest, history: Sequence[Item]) -> ResponseStart:
    """Return the response that a request asks for, after the items of earlier ones. Raises RemoteProtocolError."""
    facts = answer_facts(request, "resp_", asked.model)
    dialogue, note = asked.dialogue(history), asked.note(facts, history)
    text = encoded_note(note)
    return ResponseStart(asked.generate(facts, dialogue), note, text if asked.store else "", dialogue.written)


async def start_response(request: HTTPConnection, start: ResponseStart, received: float) -> StoredResponse:
    """Start the generation. ``received`` is a ``time.monotonic()``. Raises RemoteProtocolError.

    Watch the generation before the next await, unless it continues without readers.
    """
    conversations: Conversations = request.app.state.conversations
    principal = principal_of(request.scope)
    try:
        started = await conversations.start(principal, start.body, received, start.written, start.note_text)
    except RemoteProtocolError as error:
        rename_field(error, NAMES)
        raise
    return StoredResponse(started.generation, start.note)
