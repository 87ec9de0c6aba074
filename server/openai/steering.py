"""Steering: new input for a response that is being written. It is stopped, and the next one begins with the input."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from protocol.errors import RemoteProtocolError
from server.openai.errors import RefusedError
from server.openai.fields import Fields
from server.openai.items import Item, messages_of, read_input
from server.openai.messages import has_text

FIELDS: Final = frozenset(("type", "previous_response_id", "input"))

MAX_PENDING: Final = 8
"""Maximum number of inputs that wait for the end of one response."""


class Steer(NamedTuple):
    """Input for the response after ``previous``. ``given``: as the client sent it."""

    id: str
    previous: str
    given: Any
    items: tuple[Item, ...]

    def accepted(self, sequence: int) -> dict[str, Any]:
        """Return the event for input that waits for the end of the response."""
        steer = {"id": self.id, "previous_response_id": self.previous}
        return {"type": "response.steer.accepted", "sequence_number": sequence, "steer": steer}

    def pending(self, calls: Sequence[Item], sequence: int) -> dict[str, Any]:
        """Return the event for accepted input that waits for the results of the calls with which the response ended."""
        return {
            "type": "response.steer.pending",
            "sequence_number": sequence,
            "reason": "waiting_for_required_input",
            "required_input": [
                {"type": "function_call_output", "call_id": call["call_id"], "name": call["name"]} for call in calls
            ],
            "steer": {"id": self.id, "previous_response_id": self.previous},
        }

    def failed(self, code: str, message: str, sequence: int) -> dict[str, Any]:
        """Return the event for accepted input that no response has."""
        return steer_failed(self.previous, self.given, code, message, sequence, {"id": self.id})


def read_steer(previous: str, fields: Fields) -> Steer:
    """Return the input of a frame. Raises RefusedError."""
    if unknown := sorted(set(fields) - FIELDS):
        raise RefusedError(f"{unknown[0][:40]} doesn't belong here: send type, previous_response_id and input")
    items = read_input(fields)
    if not all((item.get("type") or "message") == "message" and item.get("role") == "user" for item in items):
        raise RefusedError("input must be a string or messages of the user")
    if not has_text(messages_of(items)):
        raise RefusedError("input must have at least one character that is not white space")
    return Steer(f"steer_{secrets.token_hex(16)}", previous, fields["input"], items)


def refused_steer(previous: str, fields: Fields, error: RemoteProtocolError) -> dict[str, Any]:
    """Return the event for a frame that is refused."""
    return steer_failed(previous, fields.get("input", ""), "invalid_input", error.message, 0)


def steer_failed(
    previous: str, given: Any, code: str, message: str, sequence: int, id: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the event for input that no response has."""
    return {
        "type": "response.steer.failed",
        "sequence_number": sequence,
        "error": {"type": "invalid_request_error", "code": code, "message": message},
        "steer": {"previous_response_id": previous, "input": given, **(id or {})},
    }
