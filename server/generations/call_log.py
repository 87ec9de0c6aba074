"""Calls in one generation's log: a fold of its text, so they need no storage of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from protocol.messages import CalledFunction, FunctionDelta, ToolCall, ToolCallDelta
from server.chat.tools.answer_splitter import AnswerDelta, AnswerSplitter
from server.chat.tools.call_splitter import CallDelta


class CallLog:
    """Owned by a log. ``functions``: names of the offered functions."""

    def __init__(self, id: str, functions: Collection[str]) -> None:
        self._splitter = AnswerSplitter(functions, lambda index: call_id(id, index))
        self._deltas: dict[int, list[CallDelta]] = {}
        """New parts of calls in each piece, by the piece's number."""
        self._text: list[str] = []

    def append(self, seq: int, text: str) -> None:
        """Read the piece with the number ``seq``."""
        delta = self._splitter.feed(text)
        if delta.calls:
            self._deltas[seq] = delta.calls
        self._add(delta)

    def end(self) -> None:
        """Read what was held back, once no piece follows."""
        self._add(self._splitter.end())

    @property
    def whole(self) -> tuple[ToolCall, ...] | None:
        """All calls so far; None without any."""
        deltas = [delta for each in self._deltas.values() for delta in each]
        return tuple(map(_call, merged(deltas))) or None

    @property
    def content(self) -> str | None:
        """Text outside of thoughts and calls, if there are calls."""
        return "".join(self._text) or None if self._deltas else None

    def between(self, after: int, last: int) -> tuple[ToolCallDelta, ...] | None:
        """Return the new parts of calls in the pieces after number ``after`` up to ``last``; None without any."""
        if not self._deltas:
            return None
        found = [delta for seq in range(after + 1, last + 1) for delta in self._deltas.get(seq, ())]
        return tuple(map(_delta, merged(found))) or None

    def _add(self, delta: AnswerDelta) -> None:
        if delta.text:
            self._text.append(delta.text)


def call_id(generation: str, index: int) -> str:
    """Return the id of a call, which is the same each time."""
    return f"call_{hashlib.sha256(f'{generation}.{index}'.encode()).hexdigest()[:24]}"


def merged(deltas: Iterable[CallDelta]) -> list[CallDelta]:
    """Join the consecutive parts of each call."""
    found: list[CallDelta] = []
    for delta in deltas:
        if found and found[-1].call == delta.call:
            found[-1] = found[-1]._replace(arguments=found[-1].arguments + delta.arguments)
        else:
            found.append(delta)
    return found


def _call(delta: CallDelta) -> ToolCall:
    assert delta.id is not None and delta.name is not None
    return ToolCall(id=delta.id, function=CalledFunction(name=delta.name, arguments=delta.arguments))


def _delta(delta: CallDelta) -> ToolCallDelta:
    function = FunctionDelta(name=delta.name, arguments=delta.arguments)
    return ToolCallDelta(index=delta.call, id=delta.id, function=function)
