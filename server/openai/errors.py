"""Errors of the endpoints below ``/v1``, in OpenAI's form.

The official SDKs retry 408, 409, 429 and every 5xx by themselves, so a request that would fail again never gets one of
these without ``x-should-retry: false``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from protocol.errors import ErrorCode, RemoteProtocolError
from server.writers.request_errors import PromptTooLongError

SERVER_FAULT: Final = 500
NO_RETRY: Final = {"x-should-retry": "false"}


class ErrorKind(NamedTuple):
    """OpenAI's way to report an error code."""

    status: int
    type: str
    code: str | None


INVALID: Final = ErrorKind(400, "invalid_request_error", None)
"""For every code that is not in KINDS."""

KINDS: Final = {
    ErrorCode.UNSUPPORTED: ErrorKind(400, "invalid_request_error", "unsupported_value"),
    ErrorCode.CONTEXT_OVERFLOW: ErrorKind(400, "invalid_request_error", "context_length_exceeded"),
    ErrorCode.UNAUTHORIZED: ErrorKind(401, "invalid_request_error", "invalid_api_key"),
    ErrorCode.UNKNOWN_ID: ErrorKind(404, "invalid_request_error", None),
    ErrorCode.RATE_LIMITED: ErrorKind(429, "rate_limit_error", "rate_limit_exceeded"),
    ErrorCode.BUSY: ErrorKind(503, "server_error", "server_busy"),
    ErrorCode.ENGINE_FAILED: ErrorKind(SERVER_FAULT, "server_error", None),
    ErrorCode.STORAGE_FAILED: ErrorKind(SERVER_FAULT, "server_error", None),
    ErrorCode.INTERNAL: ErrorKind(SERVER_FAULT, "server_error", None),
}

FORBIDDEN: Final = ErrorKind(403, "permission_error", "forbidden")


class RefusedError(RemoteProtocolError):
    """A request that is refused with a code of OpenAI's."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(ErrorCode.INVALID_FIELD, message, field=param)
        self.kind = ErrorKind(status, "invalid_request_error", code)


class ErrorReply(NamedTuple):
    """An error as an HTTP response with a JSON body."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def content(self) -> bytes:
        return msgspec.json.encode(self.body) + b"\n"


def unsupported(param: str, reason: str) -> RefusedError:
    """Return the error for a field that this server can't follow."""
    return RefusedError(f"{param}: {reason}", param=param, code="unsupported_parameter")


def kind_of(error: RemoteProtocolError) -> ErrorKind:
    """Return the kind of an error. An ``error`` with an HTTP status of its own keeps it."""
    if isinstance(error, RefusedError):
        return error.kind
    kind = KINDS.get(error.code, INVALID)
    status = getattr(error, "status", None)
    return kind if status is None else kind._replace(status=status)


def error_body(message: str, kind: ErrorKind, param: str | None = None) -> dict[str, Any]:
    """Return the JSON body of an error; all four keys are always there."""
    return {"error": {"message": message, "type": kind.type, "param": param, "code": kind.code}}


def error_reply(error: RemoteProtocolError) -> ErrorReply:
    """Return the response of an error."""
    kind = kind_of(error)
    param = param_of(error.field)
    text = error.message if param == error.field else error.message.replace(str(error.field), str(param), 1)
    if isinstance(error, PromptTooLongError):
        text = _too_long(error, str(param))
    return ErrorReply(kind.status, error_body(text, kind, param), headers_of(kind, error.retry_after_ms))


def headers_of(kind: ErrorKind, retry_after_ms: int | None = None) -> dict[str, str]:
    """Return the headers that tell an SDK whether and when to retry."""
    if kind.status == SERVER_FAULT:
        return dict(NO_RETRY)
    if retry_after_ms is None:
        return {}
    return {"retry-after": str(math.ceil(retry_after_ms / 1000)), "retry-after-ms": str(retry_after_ms)}


def rename_field(error: RemoteProtocolError, names: Mapping[str, str]) -> None:
    """Give the field of an error its name in the request. ``names``: by the name in a `generate`."""
    if error.field and (name := names.get(error.field)):
        error.field, error.message = name, error.message.replace(error.field, name, 1)


def param_of(field: str | None) -> str | None:
    """Return OpenAI's name for a field of a `generate`."""
    return "response_format" if field == "params.json_schema" else (field or "").removeprefix("params.") or None


def _too_long(error: PromptTooLongError, param: str) -> str:
    # LiteLLM and others recognise this error by the first words, LangChain by "prompt is too long".
    words = f"This model's maximum context length is {error.context} tokens. However, your {param} resulted in "
    return (
        words
        + f"{error.tokens} tokens. The prompt is too long: shorten it, or start the server with a larger --context."
    )
