"""Incremental reader of one call as JSON: ``{"name": …, "arguments": …}``."""

from __future__ import annotations

import json
from typing import Final

ARGUMENTS: Final = ("arguments", "parameters")
"""Keys of the arguments. Llama 3 writes the second one."""

KNOWN_KEYS: Final = frozenset(("name", "id", "type", *ARGUMENTS))


class CallScanner:
    """Owned by one reader of a call. ``arguments`` is the text of the value as the model wrote it, so far."""

    def __init__(self) -> None:
        self.name: str | None = None
        """The function; None until its name is complete."""
        self.arguments = ""
        self.strange = False
        """True once the object has a key that calls don't have."""
        self.ended = False
        self.failed = False
        """True once the text can't become a JSON object."""
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._key: str | None = None
        self._raw = ""
        """Text of the key or value that is read now."""

    @classmethod
    def of_arguments(cls, name: str) -> CallScanner:
        """Return a reader of the arguments alone, which end when ``arguments_ended`` is true."""
        scanner = cls()
        scanner.feed('{"arguments":')
        scanner.name = name
        return scanner

    @property
    def arguments_ended(self) -> bool:
        return bool(self.arguments) and self._depth == 1 and self._key is None

    def feed(self, text: str, *, arguments_only: bool = False) -> int:
        """Read text up to the end of the call. Returns the number of characters that belong to it."""
        for place, char in enumerate(text):
            self._read(char)
            if self.ended or self.failed or (arguments_only and self.arguments_ended):
                return place + 1
        return len(text)

    def _read(self, char: str) -> None:
        if self._quoted:
            self._read_quoted(char)
        elif char == '"' and self._depth:
            self._quoted = True
            self._add(char)
        elif char in "{[":
            self._depth += 1
            if self._depth > 1:
                self._add(char)
            elif char == "[":
                self.failed = True
        elif char in "}]":
            self._close(char)
        elif self._depth == 0:
            self.failed = not char.isspace()
        elif self._depth == 1 and char == ",":
            self._end_value()
        elif self._depth == 1 and char == ":" and self._key is None:
            self._begin_value()
        elif self._depth > 1 or not char.isspace():
            self._add(char)

    def _read_quoted(self, char: str) -> None:
        self._add(char)
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._quoted = False
            if self._depth == 1 and self._key is not None:
                self._end_value()

    def _close(self, char: str) -> None:
        self._depth -= 1
        if self._depth > 0:
            self._add(char)
            if self._depth == 1:
                self._end_value()
            return
        if self._depth == 0:
            self._end_value()
        self.ended, self.failed = self._depth == 0, self._depth < 0

    def _begin_value(self) -> None:
        key = _text_of(self._raw)
        self.failed = key is None
        self.strange = self.strange or key not in KNOWN_KEYS
        self._key, self._raw = key, ""

    def _end_value(self) -> None:
        if self._key == "name" and self.name is None:
            self.name = _text_of(self._raw)
        elif self._key in ARGUMENTS and self._raw.startswith('"'):
            self.arguments = _text_of(self._raw) or ""
        self._key, self._raw = None, ""

    def _add(self, char: str) -> None:
        self._raw += char
        if self._key in ARGUMENTS and not self._raw.startswith('"'):
            self.arguments += char


def _text_of(raw: str) -> str | None:
    """Return the value of a JSON string; None for any other text."""
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, str) else None
