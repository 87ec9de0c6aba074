"""Errors of the Python client.

DisconnectedError         the connection is lost, and the client no longer reconnects
└── ClosedError           this client was closed
RequestError              the server rejected a request (a RemoteProtocolError, with `code` and `message`)
TextReplacedError         the text that was read was replaced by another one
"""

from typing import Self

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Error


class DisconnectedError(ConnectionError):
    """The connection ended and won't come back. ``code`` is the close code, None without one (PROTOCOL 9)."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class ClosedError(DisconnectedError):
    """This client was closed during a pending call. The generation continues on the server (PROTOCOL 6.5)."""


class RequestError(RemoteProtocolError):
    """The server rejected a request, or the request broke a rule and was not sent. ``error`` is the message itself.

    ``code`` is INTERNAL for a code of a later version; ``error.code`` has the original code.
    """

    def __init__(self, error: Error) -> None:
        known = error.code in ErrorCode.__members__.values()
        code = ErrorCode(error.code) if known else ErrorCode.INTERNAL
        super().__init__(code, error.message, re=error.re, id=error.id, retry_after_ms=error.retry_after_ms)
        self.error = error

    def __reduce__(self) -> tuple[type[Self], tuple[Error]]:
        return type(self), (self.error,)

    def __str__(self) -> str:
        return f"{self.error.code}: {self.message}"

    @property
    def retryable(self) -> bool:
        return self.error.retryable


class TextReplacedError(Exception):
    """The text no longer begins with the part that was read. Read ``generation.text`` again."""
