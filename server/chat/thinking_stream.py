"""Separation of an answer that arrives in pieces into thinking and reply.

The result doesn't depend on how the text was split, and text that was returned is never taken back. So it knows less
than ``thinking.parts``, which has the whole text: the first end mark ends a thought, also one inside of code, and a
thought has a mark at its beginning. ``tools/headed_splitter.py`` reads the headers of gpt-oss and Solar Open.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, NamedTuple

from server.chat.dialogue import GAP
from server.engine.thinking_marks import PAIRS

BLANKS: Final = " \t\r\n"


class Parts(NamedTuple):
    """New text of each kind."""

    thinking: str = ""
    answer: str = ""


class _Where(Enum):
    START = auto()
    """Before the first character that decides if the answer begins with a thought."""
    THOUGHT = auto()
    AFTER = auto()
    """After a thought: another one may follow."""
    REPLY = auto()


class ThinkingSplitter:
    """Owned by one reader of an answer."""

    def __init__(self) -> None:
        self.has_thought = False
        """True once a thought has begun."""
        self._where = _Where.START
        self._held = ""
        """Text that is not decided yet."""
        self._thought = ""
        """The current thought, with its line breaks, as far as it was received."""
        self._mark = ""
        self._shown = 0
        """Length of the returned part of the thought."""
        self._any_shown = False

    @property
    def thinking(self) -> bool:
        """True while the text is a thought."""
        return self._where is _Where.THOUGHT

    @property
    def replying(self) -> bool:
        """True once all further text is the reply."""
        return self._where is _Where.REPLY

    def feed(self, text: str) -> Parts:
        """Return what ``text`` adds to each part."""
        if self._where is _Where.REPLY:
            return Parts(answer=text)
        if self._where is _Where.THOUGHT:
            return self._in_thought(text)
        self._held += text
        return self._decided()

    def end(self) -> Parts:
        """Return the text that was held back, once the answer has ended."""
        if self._where is _Where.THOUGHT:
            return Parts(thinking=self._more_of_thought(len(self._thought)))
        held, self._held = self._held, ""
        return Parts(answer=held.lstrip() if self._where is _Where.AFTER else held)

    def _decided(self) -> Parts:
        begun = self._held.lstrip(BLANKS)
        for mark, end in PAIRS:
            if begun.startswith(mark) and not any(_may_become(begun, longer) for longer, _ in PAIRS if longer != mark):
                self._where, self._mark, self.has_thought = _Where.THOUGHT, end, True
                self._held, self._thought, self._shown = "", "", 0
                return self._in_thought(begun[len(mark) :])
        text = self._held.lstrip() if self._where is _Where.AFTER else self._held
        if not text or any(_may_become(begun, mark) for mark, _ in PAIRS):
            return Parts()
        self._where, self._held = _Where.REPLY, ""
        return Parts(answer=text)

    def _in_thought(self, text: str) -> Parts:
        before = len(self._thought)
        self._thought += text
        end = self._thought.find(self._mark, max(0, before - len(self._mark)))
        if end < 0:
            return Parts(thinking=self._more_of_thought(self._certain()))
        rest = self._thought[end + len(self._mark) :]
        thinking = self._more_of_thought(end)
        self._where, self._held = _Where.AFTER, rest
        more = self._decided()
        return Parts(thinking + more.thinking, more.answer)

    def _certain(self) -> int:
        """Return the length of the thought without what may be the beginning of its end mark."""
        for size in range(min(len(self._mark) - 1, len(self._thought)), 0, -1):
            if self._thought.endswith(self._mark[:size]):
                return len(self._thought) - size
        return len(self._thought)

    def _more_of_thought(self, end: int) -> str:
        """Return the new text of the thought up to ``end``, without blanks around the thought."""
        shown = self._thought[:end].rstrip()
        new = shown[self._shown :]
        if self._shown == 0:
            new = new.lstrip()
            new = GAP + new if new and self._any_shown else new
        self._any_shown = self._any_shown or bool(new)
        self._shown = max(self._shown, len(shown))
        return new


def _may_become(text: str, mark: str) -> bool:
    """Tell whether more text can complete ``text`` to ``mark``."""
    return len(text) < len(mark) and mark.startswith(text)
