"""Plain mode: each line in is a prompt, raw text comes out (PROTOCOL 10). For websocat, wscat and typing by hand."""

from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import (
    Alternatives,
    Cancel,
    ClientMessage,
    Done,
    Error,
    Generate,
    ServerMessage,
    Steered,
    Token,
    Tuned,
)
from protocol.parameter_table import PARAMETERS, Texts
from protocol.plain_places import Places, checked, described
from protocol.session import ServerSession

STOP_LINE: Final = "/stop"
STEER: Final = "/steer"
"""First word of a line with an instruction for the running answer."""
SET: Final = "/set"
"""First word of a line with a new parameter for the running answer: its name and its value."""
ALTERNATIVES: Final = "/alternatives"
"""First word of a line that asks for the likeliest tokens at a place of the newest answer."""
FORK: Final = "/fork"
"""First word of a line that starts another answer from a place of the newest one."""
COMMANDS: Final = frozenset({STEER, SET, ALTERNATIVES, FORK})
LISTS: Final = tuple(each.name for each in PARAMETERS if isinstance(each.values, Texts))
"""Parameters that are lists; a single string is a list of one."""
END_OF_ANSWER: Final = "\n\n"
MAX_WAITING_LINES: Final = 256
MAX_COMMANDS: Final = 64
"""Lines of one frame that begin with a command; further ones are dropped with an error."""
LINE_WIDTH: Final = 60


class PlainSession(ServerSession):
    """The server's end of a connection in plain mode. It answers one prompt at a time; further lines wait.

    Terminal tools start a new line for each frame, so text is sent about a line at a time: up to its end, or to a space
    after LINE_WIDTH. White space is held back until more text follows, so a frame of only white space always marks the
    end of an answer. The joined frames are the answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Generate] = deque()
        self._places = Places()
        self._answering = False
        self._begun = False
        self._held = ""

    def _parse(self, frame: str) -> list[ClientMessage | RemoteProtocolError]:
        """Return the messages to handle now; further prompts are returned by ``pending`` later."""
        lines = [line for line in map(str.strip, frame.split("\n")) if line]
        results, requests, excess = self._read(line for line in lines if line != STOP_LINE)
        room = MAX_WAITING_LINES - len(self._waiting)
        self._waiting.extend(requests[:room])
        results += self.pending()
        if STOP_LINE in lines:
            results.append(Cancel())
        if excess:
            text = f"more than {MAX_COMMANDS} commands at once; {excess} of them are dropped, send them later"
            results.append(RemoteProtocolError(ErrorCode.BUSY, text))
        if len(requests) > room:
            text = f"{MAX_WAITING_LINES} prompts wait already; {len(requests) - room} more are dropped, send them later"
            results.append(RemoteProtocolError(ErrorCode.BUSY, text))
        return results

    def _read(self, lines: Iterable[str]) -> tuple[list[ClientMessage | RemoteProtocolError], list[Generate], int]:
        """Return the messages and errors of commands, the requests for answers, and the number of dropped commands."""
        results: list[ClientMessage | RemoteProtocolError] = []
        requests: list[Generate] = []
        count = 0
        for line in lines:
            command, _, rest = line.partition(" ")
            count += command in COMMANDS
            if command not in COMMANDS:
                requests.append(Generate(prompt=line))
            elif count <= MAX_COMMANDS:
                request = self._command(command, rest.strip())
                if isinstance(request, Generate):
                    requests.append(request)
                else:
                    results.append(request)
        return results, requests, max(0, count - MAX_COMMANDS)

    def pending(self) -> list[ClientMessage | RemoteProtocolError]:
        """Return the next waiting prompt, unless an answer is in progress."""
        if self._answering or not self._waiting:
            return []
        self._answering = True
        return [self._waiting.popleft()]

    def record(self, message: ServerMessage) -> None:
        super().record(message)
        self._places.record(message)

    def _command(self, command: str, rest: str) -> ClientMessage | RemoteProtocolError:
        """Return the message of a line with a command, or the error about it."""
        if command == ALTERNATIVES:
            return self._places.alternatives(rest)
        return self._places.fork(rest) if command == FORK else self._change(command, rest)

    def _change(self, command: str, rest: str) -> ClientMessage | RemoteProtocolError:
        """Return the message for an instruction or a new parameter, or the error if no answer is running."""
        re, verb = ("steer", "steer") if command == STEER else ("tune", "set")
        if self.newest_active is None:
            text = f"nothing to {verb}: no answer is being written; send a prompt first"
            return RemoteProtocolError(ErrorCode.NOTHING_TO_CANCEL, text, re=re)
        if command == STEER:
            return checked({"type": "steer", "id": self.newest_active, "content": rest})
        return _tune(self.newest_active, rest)

    def texts(self, message: ServerMessage) -> list[str]:
        """Return the raw text frames for ``message``; often none."""
        match message:
            case Token(text=text):
                return self._text(text)
            case Steered(content=content):
                return self._remark(content)
            case Tuned(params=params):
                return self._remark("\n".join(f"{name}: {_shown(value)}" for name, value in params.items()))
            case Alternatives():
                return [self._aside(described(message))]
            case Done(error=error):
                return self._end(error.message if error else None)
            case Error(re="generate", message=text):
                return self._end(text)
            case Error(message=text):
                return [self._complaint(text) + "\n"]
            case _:
                return []

    def _text(self, text: str) -> list[str]:
        text = self._held + text
        end = _end_of_line(text)
        ready = text[:end].rstrip()
        self._held = text[len(ready) :]
        self._begun = self._begun or bool(ready)
        return [ready] if ready else []

    def _remark(self, content: str) -> list[str]:
        """Return the frames that end the text before an instruction or new parameters, and show these."""
        rest, self._held = self._held.rstrip(), ""
        begun, self._begun = self._begun or bool(rest), True
        lines = "\n".join(f"> {line}" for line in content.splitlines())
        return [*([rest] if rest else []), f"\n{lines}\n" if begun else f"{lines}\n"]

    def _aside(self, content: str) -> str:
        """Return a frame beside the answer. The text of the answer continues after it."""
        lines = "".join(f"> {line}\n" for line in content.splitlines())
        return f"\n{lines}" if self._begun else lines

    def _end(self, complaint: str | None) -> list[str]:
        """Return the frames that end an answer, or a prompt without one (PROTOCOL 10.3, 10.4)."""
        rest = self._held.rstrip()
        self._begun = self._begun or bool(rest)
        frames = [rest] if rest else []
        if complaint is not None:
            frames.append(self._complaint(complaint))
        self._answering, self._begun, self._held = False, False, ""
        return [*frames, END_OF_ANSWER]

    def _complaint(self, text: str) -> str:
        return f"\n! {text}" if self._begun else f"! {text}"


def _tune(id: str, given: str) -> ClientMessage | RemoteProtocolError:
    """Return the message that sets the parameter in ``given``: its name, and its value as JSON or as plain text."""
    name, _, text = given.strip().partition(" ")
    value = _value(text.strip())
    if name in LISTS and isinstance(value, str):
        value = [value]
    return checked({"type": "tune", "id": id, "params": {name: value}})


def _value(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text


def _shown(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _end_of_line(text: str) -> int:
    """Return the length of the whole lines in ``text``; 0 while the first one is neither ended nor long enough."""
    newline = text.rfind("\n") + 1
    space = text.rfind(" ") + 1
    return max(newline, space if space - newline > LINE_WIDTH else 0)
