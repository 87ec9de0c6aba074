"""Texts that a vocabulary treats as control tokens, and their positions in a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from server.engine.base import Ranges

_BRACKETED: Final = re.compile(r"[<\[◁｟]\S*[>\]▷｠]", re.DOTALL)

_HTML: Final = re.compile(
    r"</?(?:a|abbr|b|blockquote|body|br|button|caption|center|code|col|colgroup|dd|del|details|div|dl|dt|em|figure|font"
    r"|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|li|link|main|mark|meta|nav|ol|option|p"
    r"|pre|q|s|samp|script|section|select|small|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|textarea"
    r"|tfoot|th|thead|title|tr|tt|u|ul|var|video)/?>"
)


def looks_like_a_mark(text: str) -> bool:
    """Tell a mark such as ``<think>`` or ``<|im_start|>`` from other text that the vocabulary has a whole token for.

    Such other text is a run of spaces or line ends, or an HTML tag; it is read as ordinary text.
    """
    return len(text) > 2 and bool(_BRACKETED.fullmatch(text)) and not _HTML.fullmatch(text)


class Place(NamedTuple):
    """Position of a mark in a text, and its token."""

    start: int
    end: int
    token: int


class Marks:
    """Finder for marks. ``texts``: the marks by token."""

    def __init__(self, texts: Mapping[int, str]) -> None:
        self._trie: dict[str, Any] = {}
        for token, text in texts.items():
            node = self._trie
            for character in text:
                node = node.setdefault(character, {})
            node[""] = token
        self._longest = max(map(len, texts.values()), default=0)
        self._first = re.compile("|".join(map(re.escape, sorted(self._trie))) or "(?!)")

    def within(self, text: str, start: int, end: int) -> Iterator[Place]:
        """Find every mark between two positions, including overlapping ones."""
        for match in self._first.finditer(text, start, end):
            node = self._trie
            for place in range(match.start(), end):
                node = node.get(text[place])  # type: ignore[assignment]
                if node is None:
                    break
                if "" in node:
                    yield Place(match.start(), place + 1, node[""])

    def touching(self, text: str, quoted: Ranges) -> set[Place]:
        """Return every mark with at least one quoted character."""
        margin = self._longest - 1
        return {
            place
            for start, end in quoted
            for place in self.within(text, max(0, start - margin), min(len(text), end + margin))
            if place.start < end and place.end > start
        }

    def apart(self, text: str, quoted: Ranges) -> list[Place]:
        """Return the marks without quoted characters, in order. Of overlapping marks the longest win, as in
        llama.cpp."""
        found = [place for start, end in _gaps(quoted, len(text)) for place in self.within(text, start, end)]
        taken: list[Place] = []
        free_from = 0
        for group in _overlapping(sorted(found)):
            for place in sorted(group, key=lambda each: (each.start - each.end, each.start)):
                if all(place.end <= other.start or place.start >= other.end for other in taken[free_from:]):
                    taken.append(place)
            free_from = len(taken)
        return sorted(taken)


def _gaps(quoted: Ranges, length: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges between the quoted ranges."""
    begin = 0
    for start, end in quoted:
        yield begin, start
        begin = end
    yield begin, length


def _overlapping(places: Iterable[Place]) -> Iterator[list[Place]]:
    """Yield groups of overlapping places; places of different groups don't overlap."""
    group: list[Place] = []
    reach = 0
    for place in places:
        if group and place.start >= reach:
            yield group
            group = []
        group.append(place)
        reach = max(reach, place.end)
    if group:
        yield group
