"""The error of an answer that did not end normally."""

from __future__ import annotations

from protocol.messages import Done, DoneReason
from server.openai.errors import ErrorKind, ErrorReply, error_body, headers_of

CANCELLED = ErrorKind(500, "server_error", "cancelled")
FAILED = ErrorKind(500, "server_error", None)
INTERRUPTED = ErrorKind(503, "server_error", None)


def failure_of(done: Done) -> ErrorReply | None:
    """Return the response in place of an answer that failed or was stopped; None for any other answer."""
    match done.reason:
        case DoneReason.CANCELLED:
            kind, text = CANCELLED, "the answer was stopped by another client"
        case DoneReason.FAILED:
            kind, text = FAILED, done.error.message if done.error else "the engine failed"
        case DoneReason.INTERRUPTED:
            kind, text = INTERRUPTED, "the server went down during the answer"
        case _:
            return None
    return ErrorReply(kind.status, error_body(text, kind), headers_of(kind))
