"""From token bytes to text that may be sent: whole code points, and no part of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Iterable


class Detokenizer:
    """Turns one answer's token bytes into text, piece by piece.

    Bytes of an unfinished code point are kept until the rest arrives; bytes that can't be UTF-8 become U+FFFD. Text
    that may yet turn out to be a stop string is held back until that is settled.
    """

    def __init__(self, stop: Iterable[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(stop)
        self._held = ""
        self.stopped = False
        """A stop string was found; it and all that follows are dropped."""

    def push(self, data: bytes) -> str:
        """Take one token's bytes; the text that can be sent now, which may be empty."""
        text = self._decoder.decode(data)
        if not self._stop or self.stopped:
            return "" if self.stopped else text
        text = self._held + text
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        safe = len(text) - self._longest_beginning(text)
        self._held = text[safe:]
        return text[:safe]

    def flush(self) -> str:
        """The text held back, once it is certain that no more tokens come. An unfinished code point is dropped."""
        held, self._held = self._held, ""
        return held

    def _longest_beginning(self, text: str) -> int:
        """The length of the longest end of ``text`` with which some stop string begins."""
        longest = max(map(len, self._stop)) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stop):
                return length
        return 0
