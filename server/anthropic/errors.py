"""Errors of the endpoints below ``/v1/messages``, in Anthropic's form.

They are made from errors in OpenAI's form, by their status. The official SDKs retry 408, 409, 429 and every 5xx, as
OpenAI's do, and obey the same headers.
"""

from __future__ import annotations

from typing import Any, Final

from server.openai.errors import ErrorReply, RefusedError
from server.writers.request_errors import PromptTooLongError

TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}
"""Type of an error, by its status. Other statuses have INVALID below 500, else FAULT."""

INVALID: Final = "invalid_request_error"
FAULT: Final = "api_error"
SERVER_FAULT: Final = 500
STATUSES: Final = {503: 529}
"""Statuses that are others in Anthropic's API."""


def anthropic_error(reply: ErrorReply) -> ErrorReply:
    """Return the reply in Anthropic's form. The message already names the field."""
    status = STATUSES.get(reply.status, reply.status)
    return ErrorReply(status, event_of(reply), reply.headers)


def event_of(reply: ErrorReply) -> dict[str, Any]:
    """Return the error as the last event of a stream, which is also its JSON body."""
    kind = TYPES.get(reply.status, INVALID if reply.status < SERVER_FAULT else FAULT)
    return {"type": "error", "error": {"type": kind, "message": reply.body["error"]["message"]}}


def too_long(error: PromptTooLongError) -> RefusedError:
    """Return the error of a prompt that is too long, in the words by which clients recognise it."""
    text = f"prompt is too long: {error.tokens} tokens > {error.context} maximum; "
    return RefusedError(f"{text}shorten messages, or start the server with a larger --context", param="messages")
