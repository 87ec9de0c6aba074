"""Messages of a client that its connection may carry out: after a valid `hello`, and within the limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from protocol.admission import HELLO_FRAME_BYTES
from protocol.errors import CloseCode, ErrorCode, RemoteProtocolError
from protocol.messages import ClientMessage, Hello
from protocol.session import ServerSession
from server.guard.connection_access import ConnectionAccess
from server.guard.rates import TooManyError
from server.guard.refusing import rate_error

HELLO_BYTES: Final = 4 * HELLO_FRAME_BYTES
"""Bytes that a client may send in total before it has sent a valid token."""

FLOOD_MESSAGES: Final = 256
"""Excess messages that are answered with `rate_limited` before the socket is closed with 4429."""

RETRY_SECONDS: Final = 5.0
"""Retry delay sent when the connection limit is reached, in seconds."""


class RefusedError(Exception):
    """The connection must close with ``code``, after ``error`` if there is one, and carry out nothing more."""

    def __init__(self, code: CloseCode, error: RemoteProtocolError | None = None) -> None:
        super().__init__(code, error)
        self.code = code
        self.error = error


def too_many_connections(access: ConnectionAccess) -> RefusedError:
    """Build the refusal of a client that has reached the limit of connections."""
    text = f"{access.limits.sockets} connections are open already; close one, or try again later"
    return RefusedError(CloseCode.TOO_MANY, rate_error(RETRY_SECONDS, text))


class AdmittedMessages:
    """Owned by one connection, on the event loop."""

    def __init__(self, session: ServerSession, access: ConnectionAccess) -> None:
        self._session = session
        self._access = access
        self._unproven = 0
        """Bytes received before a valid `hello`, if one is needed."""
        self._excess = 0
        """Excess messages minus accepted ones; at least 0."""

    def of(self, frame: str | bytes) -> Iterator[ClientMessage | RemoteProtocolError]:
        """Return the messages of ``frame`` that the client may send. A needed `hello` is checked before the rest.

        Raises RefusedError.
        """
        self._check_unproven(frame)
        results = self._session.receive(frame)
        wait = self._charge(max(1, len(results)))
        for message in results:
            if isinstance(message, Hello) and not self._access.admitted:
                yield from self._admit(message)
            else:
                yield self._too_many(message, wait) if wait else message

    def _check_unproven(self, frame: str | bytes) -> None:
        """Refuse a client that has sent too much without a token (PROTOCOL 3.6).

        The session handles a single frame that is too long.
        """
        if self._access.admitted:
            return
        self._unproven += len(frame if isinstance(frame, bytes) else frame.encode("utf-8", "surrogatepass"))
        if self._unproven > HELLO_BYTES and len(frame) <= HELLO_FRAME_BYTES:
            text = f"more than {HELLO_BYTES} bytes came without a hello with a right token; send that first"
            raise RefusedError(CloseCode.TOO_BIG, RemoteProtocolError(ErrorCode.BAD_FRAME, text))

    def _charge(self, count: int) -> float:
        """Count messages. Returns 0, or the seconds to wait; refuses a client that keeps sending too many."""
        wait = self._access.charge(count)
        self._excess = max(0, self._excess + (count if wait else -count))
        if self._excess > FLOOD_MESSAGES:
            raise RefusedError(CloseCode.TOO_MANY)
        return wait

    def _admit(self, hello: Hello) -> Iterator[ClientMessage | RemoteProtocolError]:
        """Return the `hello` and what followed it if its token is valid; otherwise nothing."""
        try:
            admitted = self._access.admit(hello.token)
        except TooManyError:
            raise too_many_connections(self._access) from None
        if not admitted:
            self._session.refuse()
            return
        behind = self._session.admit()
        yield hello
        yield from behind

    def _too_many(self, message: ClientMessage | RemoteProtocolError, wait: float) -> RemoteProtocolError:
        re = message.re if isinstance(message, RemoteProtocolError) else str(message.__struct_config__.tag)
        text = f"more than {self._access.limits.messages} messages in a second; this one is not carried out, slow down"
        return rate_error(wait, text, re=re, id=getattr(message, "id", None))
