"""Who is there: what may pass before and after `hello` (PROTOCOL 3.6 and 4.1)."""

from typing import Final

from protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import ClientMessage, Hello, Ping

HELLO_SECONDS: Final = 10.0
HELLO_FRAME_BYTES: Final = 1 << 16

Result = ClientMessage | RemoteProtocolError


class Admission:
    """The door of one connection: ``open`` from the start, or, where a `hello` is ``needed``, once one was admitted.

    ``opened`` is when the socket opened, in seconds on the caller's clock.
    """

    def __init__(self, *, needed: bool, opened: float) -> None:
        self.open = not needed
        self._opened = opened
        self._greeted = False
        self._behind: list[Result] = []  # what came between the `hello` and its judgement

    @property
    def deadline(self) -> float | None:
        """By when a `hello` has to come; None where none is waited for."""
        return None if self.open or self._greeted else self._opened + HELLO_SECONDS

    def sift(self, results: list[Result]) -> list[Result]:
        """Of ``results`` what may pass now, with an error in place of what may not."""
        greeted = self._greeted
        passed = [self._pass(result) for result in results]
        if self.open or not self._greeted:
            return passed
        at = 0 if greeted else next(i + 1 for i, result in enumerate(passed) if isinstance(result, Hello))
        self._behind += passed[at:]
        return passed[:at]

    def admit(self) -> list[Result]:
        """Open the door. Returns what came behind the `hello`. Raises LocalProtocolError when none waits."""
        self._judge()
        self.open = True
        behind, self._behind = self._behind, []
        return behind

    def refuse(self) -> None:
        """Forget what came behind the `hello`. Raises LocalProtocolError when none waits."""
        self._judge()
        self._behind = []

    def _judge(self) -> None:
        if self.open or not self._greeted:
            raise LocalProtocolError("no hello waits to be admitted or refused")

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
