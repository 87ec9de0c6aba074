"""Check of the `hello` with its token: which messages may pass before and after it (PROTOCOL 3.6 and 4.1)."""

from typing import Final

from protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import ClientMessage, Hello, Ping

HELLO_SECONDS: Final = 10.0
HELLO_FRAME_BYTES: Final = 1 << 16

Result = ClientMessage | RemoteProtocolError


class Admission:
    """Admission state of one connection, owned by its session.

    ``open`` is true from the start, or, where a `hello` is ``needed``, once one was admitted. ``opened`` is when the
    socket opened, in seconds on the caller's clock.
    """

    def __init__(self, *, needed: bool, opened: float) -> None:
        self.open = not needed
        self._opened = opened
        self._greeted = False
        self._held: list[Result] = []  # messages after the `hello`, held while its token is checked

    @property
    def deadline(self) -> float | None:
        """Time by which a `hello` must arrive, in seconds on the caller's clock; None when none is awaited."""
        return None if self.open or self._greeted else self._opened + HELLO_SECONDS

    def filter_admitted(self, results: list[Result]) -> list[Result]:
        """Return the ``results`` that may pass now. An error replaces each message that may not.

        Messages after a `hello` are held back until ``admit`` or ``refuse`` is called.
        """
        greeted = self._greeted
        passed = [self._pass(result) for result in results]
        if self.open or not self._greeted:
            return passed
        at = 0 if greeted else next(i + 1 for i, result in enumerate(passed) if isinstance(result, Hello))
        self._held += passed[at:]
        return passed[:at]

    def admit(self) -> list[Result]:
        """Accept the `hello`. Returns the messages that were held back. Raises LocalProtocolError when no `hello` is
        pending."""
        self._require_pending_hello()
        self.open = True
        held, self._held = self._held, []
        return held

    def refuse(self) -> None:
        """Reject the `hello` and drop the messages held back. Raises LocalProtocolError when no `hello` is pending."""
        self._require_pending_hello()
        self._held = []

    def _require_pending_hello(self) -> None:
        if self.open or not self._greeted:
            raise LocalProtocolError("no hello is waiting for admit or refuse")

    def _pass(self, result: Result) -> Result:
        if isinstance(result, Hello):
            if self._greeted:  # PROTOCOL 4.1
                return _unexpected(result, "hello was sent before; it may come once per connection")
            self._greeted = True
        elif not self.open and not self._greeted and not isinstance(result, Ping | RemoteProtocolError):
            return _unexpected(result, "this server needs a hello with a token before anything else")
        return result


def _unexpected(message: ClientMessage, text: str) -> RemoteProtocolError:
    re, id = str(message.__struct_config__.tag), getattr(message, "id", None)
    return RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, text, re=re, id=id)
