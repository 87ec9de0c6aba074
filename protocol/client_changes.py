"""Changes of one running answer that the Python client has requested: instructions and new parameters."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from protocol.client_errors import RequestError
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Steer, Steered, Tune, Tuned
from protocol.tuned import values_of


class _Change(NamedTuple):
    """A change that awaits its event. ``message``: sent again after a reconnect."""

    message: Steer | Tune
    event: asyncio.Future[Steered | Tuned]

    def fail(self, problem: Exception) -> None:
        if not self.event.done():  # its caller may have left
            self.event.set_exception(problem)


class Changes:
    """Owns the changes of one generation that are not in its log yet, in order. ``send`` sends a message."""

    def __init__(self, send: Callable[[Steer | Tune], None]) -> None:
        self._open: list[_Change] = []
        self._send = send
        self._reconnected = False
        self._again_at: int | None = None
        """Number in the log from which on all are sent again; None: they were sent."""

    async def ask(self, message: Steer | Tune) -> Steered | Tuned:
        """Send ``message`` and return its event. Raises RequestError when the server refuses it or it is invalid, and
        what ``fail`` is given."""
        change = _Change(message, asyncio.get_running_loop().create_future())
        self._send(message)
        self._open.append(change)
        try:
            return await change.event
        finally:
            if change in self._open:
                self._open.remove(change)

    def happened(self, event: Steered | Tuned) -> None:
        """Note that ``event`` is in the log; it may be of another client."""
        change = self._oldest(Tune if isinstance(event, Tuned) else Steer)
        if change and _is_of(event, change.message):
            self._open.remove(change)
            if not change.event.done():  # its caller may have left
                change.event.set_result(event)

    def refuse(self, problem: RequestError) -> None:
        """Note that the server refuses the oldest change of the kind that ``problem`` names."""
        if change := self._oldest(Tune if problem.re == "tune" else Steer):
            self._open.remove(change)
            change.fail(problem)

    def end(self, id: str) -> None:
        """Note that the generation has ended: it is too late for all changes."""
        for change in self._open:
            change.fail(too_late(id, change.message))
        self._open.clear()

    def fail(self, problem: Exception) -> None:
        """Let all changes fail."""
        for change in self._open:
            change.fail(problem)
        self._open.clear()

    def reconnected(self) -> None:
        """Note that the generation was requested on a new connection: changes may be lost with the earlier one."""
        self._reconnected = True

    def opened(self, newest: int) -> None:
        """Note that the server knows the generation; ``newest`` is the newest number in its log."""
        if self._reconnected:
            self._reconnected = False
            self._again_at = newest

    def read(self, seq: int) -> None:
        """Note that the log was read up to number ``seq``. After a reconnect, send what is not in it."""
        if self._again_at is not None and seq >= self._again_at:
            self._again_at = None
            for change in self._open:
                self._send(change.message)

    def _oldest(self, kind: type[Steer | Tune]) -> _Change | None:
        return next((each for each in self._open if isinstance(each.message, kind)), None)


def too_late(id: str, message: Steer | Tune) -> RequestError:
    """Return the error about a change of an answer that had ended."""
    re, what = ("tune", "its parameters were changed") if isinstance(message, Tune) else ("steer", "it was steered")
    text = f"generation {id!r} had ended before {what}; ask again"
    return RequestError(RemoteProtocolError(ErrorCode.ALREADY_DONE, text, re=re, id=id).as_message())


def _is_of(event: Steered | Tuned, message: Steer | Tune) -> bool:
    """Tell whether ``event`` is what ``message`` asked for."""
    if isinstance(event, Tuned) and isinstance(message, Tune):
        asked = values_of(message)
        return (event.params, event.on_detach_ms) == (asked.params, asked.on_detach_ms)
    return isinstance(event, Steered) and isinstance(message, Steer) and event.content == message.content
