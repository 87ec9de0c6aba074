"""Separation of an answer that arrives in pieces into thinking, text and calls."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from server.chat.dialogue import GAP
from server.chat.thinking_stream import BLANKS, ThinkingSplitter
from server.chat.tools.call_splitter import CallDelta, CallNumbers, CallSplitter, NewId, Split
from server.chat.tools.headed_splitter import STARTS, HeadedSplitter, Kind, Part


@dataclass
class AnswerDelta:
    """New text of each kind, and new parts of calls."""

    thinking: str = ""
    text: str = ""
    calls: list[CallDelta] = field(default_factory=list)


class AnswerSplitter:
    """Owned by one reader of an answer.

    ``names``: the offered functions, whose calls are taken out of the text. ``thinking`` false: the text has no
    thoughts.
    """

    def __init__(self, names: Collection[str], new_id: NewId, *, thinking: bool = True) -> None:
        self._names = names
        self._numbers = CallNumbers(new_id)
        self._calls = CallSplitter(names, self._numbers) if names else None
        self._thinking = ThinkingSplitter() if thinking else None
        self._headed: HeadedSplitter | None = None
        self._undecided: str | None = "" if thinking else None
        """Beginning of the answer, as long as it may be a header; None once that is decided."""
        self._parts: set[Kind] = set()
        """Kinds of parts that had text."""

    @property
    def has_thought(self) -> bool:
        """True once a thought has begun."""
        return Kind.THINKING in self._parts or (self._thinking is not None and self._thinking.has_thought)

    @property
    def is_thinking(self) -> bool:
        """True while the text is a thought."""
        if self._headed is not None:
            return self._headed.thinking
        return self._thinking is not None and self._thinking.thinking

    @property
    def is_plain(self) -> bool:
        """True once all further text is the answer's own, as it comes."""
        decided = self._undecided is None and self._headed is None and self._calls is None
        return decided and (self._thinking is None or self._thinking.replying)

    def feed(self, text: str) -> AnswerDelta:
        """Return what ``text`` adds."""
        if self._undecided is not None:
            self._undecided += text
            begun = self._undecided.lstrip(BLANKS)
            if not begun or any(len(begun) < len(start) and start.startswith(begun) for start in STARTS):
                return AnswerDelta()
            text, self._undecided = self._undecided, None
            if begun.startswith(STARTS):
                self._headed, text = HeadedSplitter(), begun
        if self._headed is not None:
            return self._joined(self._headed.feed(text))
        return self._plain(text)

    def end(self) -> AnswerDelta:
        """Return the text that was held back, once the answer has ended."""
        if self._headed is not None:
            return self._joined(self._headed.end())
        delta = self._plain(self._undecided or "")
        if self._thinking is not None:
            last = self._thinking.end()
            delta.thinking += last.thinking
            self._reply(last.answer, delta)
        if self._calls is not None:
            delta.text += self._calls.end()
        return delta

    def _plain(self, text: str) -> AnswerDelta:
        if self._thinking is None:
            return self._reply(text, AnswerDelta())
        parts = self._thinking.feed(text)
        return self._reply(parts.answer, AnswerDelta(thinking=parts.thinking))

    def _reply(self, text: str, delta: AnswerDelta) -> AnswerDelta:
        if self._calls is None:
            delta.text += text
        elif text:
            split: Split = self._calls.feed(text)
            delta.text += split.text
            delta.calls += split.calls
        return delta

    def _joined(self, parts: list[Part]) -> AnswerDelta:
        delta = AnswerDelta()
        for part in parts:
            if part.kind is Kind.CALL and part.name in self._names:
                if part.begins:
                    delta.calls.append(self._numbers.begin(part.name))
                if part.text:
                    delta.calls.append(self._numbers.more(part.text))
            elif part.text:
                kind = Kind.THINKING if part.kind is Kind.THINKING else Kind.TEXT
                text = (GAP if part.begins and kind in self._parts else "") + part.text
                self._parts.add(kind)
                if kind is Kind.THINKING:
                    delta.thinking += text
                else:
                    delta.text += text
        return delta
