"""Conversion of token bytes to text that may be sent: whole code points, and no part of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from operator import itemgetter


class Detokenizer:
    """Converts one answer's token bytes to text, piece by piece.

    Bytes of an unfinished code point are kept until the rest arrives; bytes that can't be UTF-8 become U+FFFD. Text
    that may be the beginning of a stop string is held back until that is decided.
    """

    def __init__(self, stop: Iterable[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(stop)
        self._held = ""
        self.found: str | None = None
        """The stop string that was found; it and all text after it are dropped."""

    @property
    def stopped(self) -> bool:
        """True once a stop string was found."""
        return self.found is not None

    def push(self, data: bytes) -> str:
        """Add one token's bytes. Returns the text that can be sent now, which may be empty."""
        text = self._decoder.decode(data)
        if self.stopped:
            return ""
        text = self._held + text
        if not self._stop:
            self._held = ""
            return text
        found = [(at, stop) for at, stop in ((text.find(stop), stop) for stop in self._stop) if at >= 0]
        if found:
            at, self.found = min(found, key=itemgetter(0))
            self._held = ""
            return text[:at]
        safe = len(text) - self._longest_beginning(text)
        self._held = text[safe:]
        return text[:safe]

    def change_stop(self, stop: Iterable[str]) -> None:
        """Look for other stop strings from now on: in the text that is held back, and in what follows."""
        self._stop = tuple(stop)

    def flush(self) -> str:
        """Return the text held back, when no more tokens will come. An unfinished code point is dropped."""
        held, self._held = self._held, ""
        return held

    def _longest_beginning(self, text: str) -> int:
        """Return the length of the longest suffix of ``text`` that is a prefix of a stop string."""
        longest = max(map(len, self._stop)) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stop):
                return length
        return 0
