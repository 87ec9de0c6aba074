"""Lines of a stream of server-sent events, with a bound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MAX_LINE: Final = 1 << 20
"""Maximum length of a line, in bytes. Beyond it the stream is a fault of the upstream."""


class LineTooLongError(Exception):
    """A line longer than MAX_LINE."""


class SseLines:
    """Splits a stream of bytes into the data of its events. Comments, names and blank lines are dropped.

    The APIs here send each event's data as one line.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def fed(self, data: bytes) -> Iterator[bytes]:
        """Yield the data of each line that ``data`` completes. Raises LineTooLongError."""
        if not self._rest and data.endswith(b"\n"):
            lines = data.split(b"\n")
        else:
            self._rest += data
            if b"\n" not in data:
                self._check(self._rest)
                return
            lines = bytes(self._rest).split(b"\n")
        self._rest = bytearray(lines.pop())
        self._check(self._rest)
        for line in lines:
            self._check(line)
            if line.startswith(b"data:") or line.startswith(b"error:"):  # older llama-servers name their errors so
                yield line.partition(b":")[2].strip()

    @staticmethod
    def _check(line: bytes | bytearray) -> None:
        if len(line) > MAX_LINE:
            raise LineTooLongError
