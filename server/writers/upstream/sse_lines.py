"""Lines of a stream of server-sent events, with a bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_LINE: Final = 1 << 20
"""Maximum length of a line, in bytes. Beyond it the stream is a fault of the upstream."""


NAMES: Final = (b"data:", b"error:")
"""Beginnings of lines with data. Older llama-servers name their errors so."""


class LineTooLongError(Exception):
    """A line longer than MAX_LINE."""


class SseLines:
    """Splits a stream of bytes into the data of its events. Comments, names and blank lines are dropped.

    The APIs here send each event's data as one line.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def fed(self, data: bytes) -> Sequence[bytes]:
        """Return the data of each line that ``data`` completes. Raises LineTooLongError."""
        if b"\n" not in data:
            self._rest += data
            self._check(len(self._rest))
            return ()
        lines = (bytes(self._rest) + data if self._rest else data).split(b"\n")
        self._rest = bytearray(lines.pop())
        if len(data) > MAX_LINE or len(lines[0]) > MAX_LINE:
            self._check(max(map(len, (self._rest, *lines))))
        return [line.partition(b":")[2].strip() for line in lines if line.startswith(NAMES)]

    @staticmethod
    def _check(length: int) -> None:
        if length > MAX_LINE:
            raise LineTooLongError
