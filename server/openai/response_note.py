"""Facts about a response that its log doesn't have. The journal keeps them with its generation (`Generation.note`)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from server.openai.errors import RefusedError

MAX_BYTES: Final = 4 * 2**20
"""Maximum size of a note as JSON, in bytes: each response keeps all items of those before it."""


class ResponseNote(msgspec.Struct, frozen=True, kw_only=True):
    """``created``: Unix time in seconds; ``model``: the model's id; ``told``: fields of the response that repeat the
    request's; ``items``: the whole input, with that of the responses before it; ``split``: its text may have thoughts;
    ``functions``: names of those that it may call; ``warm``: its prompt was only read; ``steered``: it was stopped for
    new input.
    """

    created: int
    model: str
    told: dict[str, Any]
    items: list[dict[str, Any]]
    split: bool = True
    functions: list[str] = []
    warm: bool = False
    steered: bool = False


def encoded_note(note: ResponseNote) -> str:
    """Return the note as text. Raises RefusedError if it is too long."""
    text = msgspec.json.encode(note)
    if len(text) > MAX_BYTES:
        words = f"input: with the responses before it, it has {len(text)} bytes, and {MAX_BYTES} are the most"
        raise RefusedError(f"{words}; send a shorter input without previous_response_id", param="input")
    return text.decode()


def decoded_note(text: str) -> ResponseNote | None:
    """Return the note of a generation; None for one that isn't a stored response."""
    return msgspec.json.decode(text, type=ResponseNote) if text else None
