"""Every error code and close code of the wire, in one table each (PROTOCOL 8 and 9).

ProtocolError
├── RemoteProtocolError   the peer broke a rule; `as_message()` is the `error` to send it
└── LocalProtocolError    this side was about to break a rule: a bug here, never sent
"""

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from protocol.messages import Error


class ErrorCode(StrEnum):
    """Values of `error.code` and `done.error.code`."""

    BAD_FRAME = "bad_frame"
    BAD_JSON = "bad_json"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    EMPTY_PROMPT = "empty_prompt"
    UNEXPECTED_MESSAGE = "unexpected_message"
    CONTEXT_OVERFLOW = "context_overflow"
    UNSUPPORTED = "unsupported"
    ID_CONFLICT = "id_conflict"
    EDIT_CONFLICT = "edit_conflict"
    UNKNOWN_ID = "unknown_id"
    UNKNOWN_MODEL = "unknown_model"
    ALREADY_DONE = "already_done"
    NOTHING_TO_CANCEL = "nothing_to_cancel"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    HUB_FAILED = "hub_failed"
    BUSY = "busy"
    RATE_LIMITED = "rate_limited"
    ENGINE_FAILED = "engine_failed"
    STORAGE_FAILED = "storage_failed"
    INTERNAL = "internal"


class ErrorFacts(NamedTuple):
    """Facts about an error code. ``retryable``: the same message may succeed when it is sent again later."""

    retryable: bool
    meaning: str


ERRORS: Final[dict[ErrorCode, ErrorFacts]] = {
    ErrorCode.BAD_FRAME: ErrorFacts(False, "a binary frame, or one with too many objects or bytes"),
    ErrorCode.BAD_JSON: ErrorFacts(False, "not JSON, nested too deep, or JSON that is not an object"),
    ErrorCode.UNKNOWN_TYPE: ErrorFacts(False, "`type` names no client message"),
    ErrorCode.UNKNOWN_FIELD: ErrorFacts(False, "the message has no field of that name"),
    ErrorCode.MISSING_FIELD: ErrorFacts(False, "a field that must be there is not"),
    ErrorCode.INVALID_FIELD: ErrorFacts(False, "a field has the wrong type or is out of range"),
    ErrorCode.EMPTY_PROMPT: ErrorFacts(False, "the prompt has nothing but white space"),
    ErrorCode.UNEXPECTED_MESSAGE: ErrorFacts(False, "a valid message at a moment that does not allow it"),
    ErrorCode.CONTEXT_OVERFLOW: ErrorFacts(False, "the prompt is longer than the model's context"),
    ErrorCode.UNSUPPORTED: ErrorFacts(False, "this model or engine cannot do what the message asks"),
    ErrorCode.ID_CONFLICT: ErrorFacts(False, "the id is in use for a generation with another body"),
    ErrorCode.EDIT_CONFLICT: ErrorFacts(False, "the message has been changed since the client read it"),
    ErrorCode.UNKNOWN_ID: ErrorFacts(False, "no generation of that id, or its log has expired"),
    ErrorCode.UNKNOWN_MODEL: ErrorFacts(False, "the server has no model of that name"),
    ErrorCode.ALREADY_DONE: ErrorFacts(False, "the generation ended before the cancel or the change arrived"),
    ErrorCode.NOTHING_TO_CANCEL: ErrorFacts(False, "no generation of this connection is running"),
    ErrorCode.UNAUTHORIZED: ErrorFacts(False, "no token was sent over HTTP, or a wrong one"),
    ErrorCode.FORBIDDEN: ErrorFacts(False, "this user may not do that, or the server was told not to"),
    ErrorCode.HUB_FAILED: ErrorFacts(False, "the hub of models refused, or could not be reached"),
    ErrorCode.BUSY: ErrorFacts(True, "the queue is full or the server is going down"),
    ErrorCode.RATE_LIMITED: ErrorFacts(True, "too many messages in too short a time"),
    ErrorCode.ENGINE_FAILED: ErrorFacts(True, "the engine could not compute"),
    ErrorCode.STORAGE_FAILED: ErrorFacts(True, "the conversations could not be read or written"),
    ErrorCode.INTERNAL: ErrorFacts(False, "a fault in the server"),
}


class CloseCode(IntEnum):
    """Reason for closing a socket. 44xx: fix the cause before reconnecting. 45xx: reconnect after a random delay."""

    NORMAL = 1000
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    BAD_FRAMES = 4400
    BAD_TOKEN = 4401
    BAD_ORIGIN = 4403
    NO_HELLO = 4408
    TOO_MANY = 4429
    DRAINING = 4503
    SLOW_READER = 4508


class CloseFacts(NamedTuple):
    """Facts about a close code. ``reconnect``: a client may reconnect by itself, after a random delay."""

    reconnect: bool
    meaning: str


CLOSES: Final[dict[CloseCode, CloseFacts]] = {
    CloseCode.NORMAL: CloseFacts(False, "everything asked for was answered"),
    CloseCode.TOO_BIG: CloseFacts(False, "a frame was longer than limits.frame_bytes"),
    CloseCode.INTERNAL: CloseFacts(True, "a fault in the server"),
    CloseCode.RESTART: CloseFacts(True, "the server is restarting"),
    CloseCode.BAD_FRAMES: CloseFacts(False, "three unparseable frames in a row"),
    CloseCode.BAD_TOKEN: CloseFacts(False, "the token is wrong or was revoked"),
    CloseCode.BAD_ORIGIN: CloseFacts(False, "this web page may not connect"),
    CloseCode.NO_HELLO: CloseFacts(False, "no `hello` within 10 s on a server that asks for one"),
    CloseCode.TOO_MANY: CloseFacts(False, "too many connections or messages"),
    CloseCode.DRAINING: CloseFacts(True, "the server is going down"),
    CloseCode.SLOW_READER: CloseFacts(True, "the client reads more slowly than the answer is written"),
}


class ProtocolError(Exception):
    """Base of the errors of both sides."""


class LocalProtocolError(ProtocolError):
    """This side tried to send a message that the protocol forbids."""


class RemoteProtocolError(ProtocolError):
    """The peer sent a message that the protocol forbids, or requested something impossible.

    ``message`` is one sentence for a person that names ``field``. ``re`` is the `type` of the message that is answered
    and ``id`` its generation, where known. ``retry_after_ms`` >= 0, in milliseconds.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        field: str | None = None,
        re: str | None = None,
        id: str | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.field = field
        self.re = re
        self.id = id
        self.retry_after_ms = retry_after_ms

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @property
    def retryable(self) -> bool:
        return ERRORS[self.code].retryable

    def as_message(self) -> Error:
        """Return the `error` message for the peer (PROTOCOL 5.8)."""
        return Error(
            re=self.re,
            id=self.id,
            code=self.code,
            message=self.message,
            retryable=self.retryable,
            retry_after_ms=self.retry_after_ms,
        )
