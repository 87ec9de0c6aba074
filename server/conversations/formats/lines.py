"""JSON Lines, converted to the items that a JSON file would have. Pure.

The lines of a llama-server session are combined: the first line starts a conversation, the following are its messages.
Any other line is a conversation by itself.
"""

from __future__ import annotations

import io
from typing import Final

import msgspec
from msgspec import Struct

from server.conversations.formats.draft import MOST_MESSAGES, BadItemError

_SESSION: Final = "session"
_MESSAGE: Final = "message"


class _Line(Struct, frozen=True):
    type: str | None = None
    message: msgspec.Raw = msgspec.Raw(b"null")


def are_lines(body: bytes) -> bool:
    """Tell whether the first of several lines is a JSON object, or the only line starts a session."""
    first, _, rest = body.lstrip().partition(b"\n")
    begin = _begin(first)
    return begin is not None and (begin.type == _SESSION or bool(rest.strip()))


def items(body: bytes, most: int) -> list[msgspec.Raw | BadItemError]:
    """Return the conversations, up to ``most`` and one more; an unreadable one is replaced by its error."""
    found: list[msgspec.Raw | BadItemError] = []
    session: _Session | None = None
    for number, line in enumerate(io.BytesIO(body), 1):
        if not line.strip():
            continue
        if len(found) > most:
            break
        begin = _begin(line)
        if begin is not None and begin.type == _SESSION:
            found += [session.item()] if session else []
            session = _Session(line)
        elif session:
            session.add(begin, number)
        else:
            found.append(_single(line, begin, number))
    return [*found, session.item()] if session else found


def _begin(line: bytes) -> _Line | None:
    """Return the type of a line; None when it is not a JSON object."""
    try:
        return msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _single(line: bytes, begin: _Line | None, number: int) -> msgspec.Raw | BadItemError:
    if begin is None:
        return BadItemError(f"line {number} is not JSON; was the file cut off?")
    if begin.type == _MESSAGE:
        return BadItemError(f"line {number} is a message, but no earlier line starts a session")
    return msgspec.Raw(line)


class _Session:
    """A conversation being read: its first line and its messages."""

    def __init__(self, line: bytes) -> None:
        self._line = line
        self._messages: list[bytes] = []
        self._problem: BadItemError | None = None

    def add(self, begin: _Line | None, number: int) -> None:
        """Add a line. Lines of an unknown type are ignored, as llama-server does."""
        if begin is None:
            self._problem = self._problem or BadItemError(f"line {number} is not JSON; was the file cut off?")
        elif begin.type == _MESSAGE and len(self._messages) <= MOST_MESSAGES:
            self._messages.append(bytes(begin.message))

    def item(self) -> msgspec.Raw | BadItemError:
        return self._problem or msgspec.Raw(b'{"conv":%b,"messages":[%b]}' % (self._line, b",".join(self._messages)))
