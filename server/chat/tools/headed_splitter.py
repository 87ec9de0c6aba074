"""Separation of an answer whose parts have headers, in the formats of gpt-oss (harmony) and Solar Open, in pieces."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, NamedTuple

STARTS: Final = ("<|channel|>", "<|start|>", "<|think|>", "<|content|>", "<|begin|>assistant")
"""Texts with which such an answer begins."""

_ENDS: Final = ("<|end|>", "<|call|>", "<|return|>", "<|start|>", "<|channel|>")
"""Marks that end a part."""

_CHANNEL: Final = re.compile(r"<\|channel\|>\s*([a-z]*)")
_RECIPIENT: Final = re.compile(r"to=functions\.([^\s<]+)")
_HEADER_END: Final = re.compile(r"<\|(message|think|content)\|>")


class Kind(Enum):
    THINKING = auto()
    TEXT = auto()
    CALL = auto()


class Part(NamedTuple):
    """New text of a part. ``begins``: it is the first of its part; ``name``: the function that a call names."""

    kind: Kind
    text: str
    begins: bool
    name: str = ""


class HeadedSplitter:
    """Owned by one reader of an answer."""

    def __init__(self) -> None:
        self._held = ""
        """A header that is not complete, or the end of a text that may be a mark."""
        self._part: Part | None = None
        """The part that is read; None in a header."""

    @property
    def thinking(self) -> bool:
        """True while the text is a thought."""
        return self._part is not None and self._part.kind is Kind.THINKING

    def feed(self, text: str) -> list[Part]:
        """Return the new text of each part, in order."""
        self._held += text
        found: list[Part] = []
        while self._in_header() if self._part is None else self._in_part(found):
            pass
        return found

    def end(self) -> list[Part]:
        """Return the text that was held back, once the answer has ended. An incomplete header is dropped."""
        held, self._held = self._held, ""
        return [] if self._part is None or not held else [self._part._replace(text=held)]

    def _in_header(self) -> bool:
        found = _HEADER_END.search(self._held)
        if found is None:
            return False
        header, self._held = self._held[: found.start()], self._held[found.end() :]
        recipient, channel = _RECIPIENT.search(header), _CHANNEL.search(header)
        if recipient:
            self._part = Part(Kind.CALL, "", begins=True, name=recipient[1])
        elif found[1] == "think" or (channel and channel[1] == "analysis"):
            self._part = Part(Kind.THINKING, "", begins=True)
        else:
            self._part = Part(Kind.TEXT, "", begins=True)
        return True

    def _in_part(self, found: list[Part]) -> bool:
        assert self._part is not None
        places = [at for end in _ENDS if (at := self._held.find(end)) >= 0]
        at = min(places, default=len(self._held) - _beginning(self._held))
        if at or (places and self._part.begins):
            found.append(self._part._replace(text=self._held[:at]))
            self._part = self._part._replace(begins=False)
        self._held = self._held[at:]
        if places:
            self._part = None
            mark = next(end for end in _ENDS if self._held.startswith(end))
            self._held = self._held if mark in STARTS else self._held[len(mark) :]
        return bool(places)


def _beginning(text: str) -> int:
    """Return the length of the longest end of ``text`` with which a mark begins."""
    longest = max(map(len, _ENDS)) - 1
    sizes = range(min(longest, len(text)), 0, -1)
    return next((size for size in sizes if any(mark.startswith(text[-size:]) for mark in _ENDS)), 0)
