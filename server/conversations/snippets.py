"""Excerpt of a text for search results, with the hits marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.chat.thinking import parts
from server.conversations.search_text import Query, composed, whole_characters
from server.conversations.values import SnippetPiece

LENGTH: Final = 140
"""Approximate length of a snippet, in characters."""

READ: Final = 1 << 20
"""Part of a message that is read for its snippet, in characters. Later hits are found but not shown."""

WINDOW: Final = 1 << 16
WINDOW_OVERLAP: Final = 1 << 9

_BEFORE: Final = 30
_CUT: Final = "…"

_Hit = tuple[int, int, int]


def snippet(text: str, query: Query) -> tuple[SnippetPiece, ...]:
    """Return the part of ``text`` with the most different words of the query, outside of the model's thinking if
    possible."""
    answer = parts(text[:READ]).answer
    text, hits = _window(answer, query) or _window(text, query) or (composed(text[:WINDOW]), [])
    begin = whole_characters(text, _begin(text, hits), len(text))[0]
    end = whole_characters(text, begin, _end(text, begin, hits))[1]
    pieces = list(_pieces(text, begin, end, hits))
    return tuple(SnippetPiece(part, match=match) for part, match in pieces if part)


def is_in_answer(text: str, query: Query) -> bool:
    """Tell whether all words are in the text outside of the model's thinking."""
    return query.is_in(composed(parts(text[:READ]).answer))


def _window(text: str, query: Query) -> tuple[str, list[_Hit]] | None:
    """Return the first part of ``text`` with a hit, including some context, and its hits."""
    for at in range(0, min(len(text), READ), WINDOW):
        start, end = max(0, at - WINDOW_OVERLAP), at + WINDOW + WINDOW_OVERLAP
        window = composed(text[start:end])
        hits = query.hits(window)
        if hits and (hits[0][0] < at + WINDOW - start or end >= len(text)):
            return window, hits
    return None


def _begin(text: str, hits: Sequence[_Hit]) -> int:
    """Return the start of a word shortly before the best hit."""
    if not hits:
        return 0
    best = max(range(len(hits)), key=lambda at: (_different(hits, at), -at))
    begin = max(0, hits[best][0] - _BEFORE)
    if begin == 0:
        return 0
    space = text.find(" ", begin, hits[best][0])
    return space + 1 if space >= 0 else begin


def _different(hits: Sequence[_Hit], at: int) -> int:
    """Count the words of the query within a snippet's length from the hit."""
    words: set[int] = set()
    for begin, end, word in hits[at : at + 50]:
        if begin < hits[at][0] + LENGTH - _BEFORE and end:
            words.add(word)
    return len(words)


def _end(text: str, begin: int, hits: Sequence[_Hit]) -> int:
    end = begin + LENGTH
    if end >= len(text):
        return len(text)
    for first, last, _ in hits:
        if first < end < last <= end + LENGTH:
            return last
    space = text.rfind(" ", begin + LENGTH - _BEFORE, end)
    return space if space > max((last for _, last, _ in hits if begin <= last <= end), default=0) else end


def _pieces(text: str, begin: int, end: int, hits: Sequence[_Hit]) -> list[tuple[str, bool]]:
    found = [(_CUT if begin else "", False)]
    at = begin
    for first, last, _ in hits:
        if last <= at or first >= end:
            continue
        found += [(text[at : max(at, first)], False), (text[max(at, first) : min(last, end)], True)]
        at = min(last, end)
    found += [(text[at:end], False), (_CUT if end < len(text) else "", False)]
    return _joined(found)


def _joined(parts: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Merge consecutive parts of the same kind."""
    joined: list[tuple[str, bool]] = []
    for text, match in parts:
        if text and joined and joined[-1][1] == match:
            joined[-1] = (joined[-1][0] + text, match)
        elif text:
            joined.append((text, match))
    return joined
