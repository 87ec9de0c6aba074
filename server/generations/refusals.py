"""Errors for a rejected `generate`."""

from __future__ import annotations

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate
from server.writers.request_errors import refusal

RETRY_AFTER_MS = 1000
"""Retry delay in milliseconds when there is no estimate."""


def busy(body: Generate, text: str, retry_after_ms: int | None = None) -> RemoteProtocolError:
    wait = RETRY_AFTER_MS if retry_after_ms is None else retry_after_ms
    return RemoteProtocolError(ErrorCode.BUSY, text, re="generate", id=body.id, retry_after_ms=wait)


def conflict(body: Generate) -> RemoteProtocolError:
    text = f"id: {body.id!r} belongs to a generation with another body; choose a new id"
    return refusal(body, ErrorCode.ID_CONFLICT, text, field="id")


def too_many_active(body: Generate, limit: int, retry_after_ms: int | None) -> RemoteProtocolError:
    wait = RETRY_AFTER_MS if retry_after_ms is None else retry_after_ms
    text = f"you have {limit} generations waiting or running already; cancel one, or try again when one has ended"
    return RemoteProtocolError(ErrorCode.RATE_LIMITED, text, re="generate", id=body.id, retry_after_ms=wait)
