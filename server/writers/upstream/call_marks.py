"""Marks around the calls of functions that an upstream sends in a field of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import json

BEGIN: Final = "<tool_call>\n"
END: Final = "\n</tool_call>"


class CallPart(NamedTuple):
    """New part of the call with the number ``number``. ``id`` and ``name`` are empty in later parts of a call."""

    number: int
    id: str
    name: str
    arguments: str


class CallMarks:
    """Writes the calls of one request as text (PROTOCOL 15.3), from which every reader gets the calls again."""

    def __init__(self) -> None:
        self.count = 0
        """Calls that have begun."""
        self._now: CallPart | None = None
        """First part of the open call, with all arguments so far."""

    def text(self, parts: Iterable[CallPart]) -> str:
        """Return the text of new parts."""
        text = ""
        for part in parts:
            now = self._now
            if now is None or part.number != now.number or (part.id and part.id != now.id):
                text += self.end() + ("\n" if self.count else "") + BEGIN
                text += f'{{"name": {json.encode(part.name).decode()}, "arguments": '
                now, self.count = part._replace(arguments=""), self.count + 1
            text += part.arguments
            self._now = now._replace(arguments=now.arguments + part.arguments)
        return text

    def end(self) -> str:
        """Return the text that ends the open call."""
        now, self._now = self._now, None
        if now is None:
            return ""
        return ("}" if now.arguments.strip() else "{}}") + END
