"""Plain mode: a line in is a prompt, raw text comes out (PROTOCOL 10). Made for websocat, wscat and a person's hands.

A ServerSession keeps the rules underneath, so that plain mode can do nothing that the protocol forbids.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from protocol.errors import CloseCode, ErrorCode, RemoteProtocolError
from protocol.messages import Cancel, ClientMessage, Done, DoneReason, Error, Generate, ServerMessage, Token
from protocol.session import ServerSession

STOP_LINE: Final = "/stop"
END_OF_ANSWER: Final = "\n\n"
MAX_WAITING_LINES: Final = 256


class PlainSession:
    """The server's end of a connection in plain mode. One prompt is answered at a time; the lines behind it wait.

    White space is held back until the text goes on, so that a frame of nothing but white space is always the end of an
    answer.
    """

    def __init__(self, session: ServerSession | None = None) -> None:
        self._session = session or ServerSession()
        self._waiting: deque[str] = deque()
        self._answering = False
        self._space = ""

    @property
    def close_code(self) -> CloseCode | None:
        return self._session.close_code

    @property
    def watched(self) -> tuple[str, ...]:
        return self._session.watched

    def resolve_cancel(self, cancel: Cancel) -> tuple[str, ...]:
        return self._session.resolve_cancel(cancel)

    def forget(self, id: str) -> None:
        self._session.forget(id)

    def receive(self, frame: str | bytes, now: float) -> list[ClientMessage | RemoteProtocolError]:
        """What the lines of ``frame`` ask for now; further prompts come out of ``pending`` later."""
        self._session.last_received = now
        if isinstance(frame, bytes):
            return [RemoteProtocolError(ErrorCode.BAD_FRAME, "binary frames are not used here; send text")]
        others: list[ClientMessage | RemoteProtocolError] = []
        for line in filter(None, map(str.strip, frame.split("\n"))):
            if line == STOP_LINE:
                others.append(Cancel())
            elif len(self._waiting) < MAX_WAITING_LINES:
                self._waiting.append(line)
            else:
                others.append(RemoteProtocolError(ErrorCode.BUSY, f"{MAX_WAITING_LINES} prompts wait already"))
        return [*self.pending(), *others]

    def pending(self) -> list[ClientMessage | RemoteProtocolError]:
        """The next prompt, if one waits and nothing is being answered."""
        if self._answering or not self._waiting:
            return []
        self._answering = True
        return [Generate(prompt=self._waiting.popleft())]

    def frames(self, message: ServerMessage, now: float) -> list[str]:
        """The frames of raw text that stand for ``message``; often none."""
        self._session.send(message, now)
        match message:
            case Token(text=text):
                return self._text(text)
            case Done():
                return self._end(message)
            case Error():
                return self._error(message)
            case _:
                return []

    def _text(self, text: str) -> list[str]:
        text = self._space + text
        visible = text.rstrip()
        self._space = text[len(visible) :]
        return [visible] if visible else []

    def _end(self, done: Done) -> list[str]:
        self._answering, self._space = False, ""
        failed = done.error.message if done.reason is DoneReason.FAILED and done.error else None
        return [f"\n! {failed}", END_OF_ANSWER] if failed else [END_OF_ANSWER]

    def _error(self, error: Error) -> list[str]:
        """A refused prompt ends like an answer; a `/stop` that found nothing does not."""
        if error.re != "generate":
            return [f"\n! {error.message}\n"] if self._answering else [f"! {error.message}\n"]
        self._answering = False
        return [f"! {error.message}", END_OF_ANSWER]
