"""Marks around the reasoning that an upstream sends in a field of its own."""

from __future__ import annotations

from typing import Final

OPEN: Final = "<think>\n"
CLOSE: Final = "\n</think>\n\n"


class ThoughtMarks:
    """Joins reasoning and content to one text with thinking marks (PROTOCOL 6.10), over one request.

    ``written``: text of the answer before. If it ends inside a thought, no second mark is written.
    """

    def __init__(self, written: str = "") -> None:
        self._inside = written.rfind("<think>") > written.rfind("</think>")
        self._opened = False
        """The upstream has sent reasoning in its own field, so the mark at its end must come from here."""

    def text(self, reasoning: str, content: str) -> str:
        """Return the text of one chunk."""
        text = ""
        if reasoning:
            text = reasoning if self._inside else OPEN + reasoning
            self._inside = self._opened = True
        if content:
            text += CLOSE + content if self._inside and self._opened else content
            self._inside = self._inside and not self._opened
        return text
