"""Separation of a reply that arrives in pieces into text and calls.

It knows every format by its marks (formats.py), so it needs nothing but the names of the offered functions and the
text: a reader, also one after a restart, gets the same calls at any time. Text that is no call of an offered function
stays text. The result doesn't depend on how the text was split.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from server.chat.tools.call_scanner import CallScanner

HERMES: Final = "<tool_call>"
HERMES_END: Final = "</tool_call>"
MISTRAL: Final = "[TOOL_CALLS]"
MISTRAL_ARGUMENTS: Final = "[ARGS]"
MISTRAL_ID: Final = "[CALL_ID]"
PYTHON_TAG: Final = "<|python_tag|>"
MARKS: Final = (HERMES, MISTRAL, PYTHON_TAG)
"""Marks that begin calls."""

MAX_NAME: Final = 256
"""Characters after which a text that should be a function's name is none."""

NewId = Callable[[int], str]
"""Function that returns the id of the call with an index, which is the same each time."""


class CallDelta(NamedTuple):
    """New part of the call with the number ``call``, from 0. ``id`` and ``name`` are in the first part of a call, and
    None in the others."""

    call: int
    id: str | None
    name: str | None
    arguments: str


@dataclass
class Split:
    """New text of each kind."""

    text: str = ""
    calls: list[CallDelta] = field(default_factory=list)


class CallNumbers:
    """Counts the calls of one answer."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._count = 0

    def begin(self, name: str) -> CallDelta:
        """Return the first delta of the next call."""
        self._count += 1
        return CallDelta(self._count - 1, self._new_id(self._count - 1), name, "")

    def more(self, arguments: str) -> CallDelta:
        """Return a further delta of the newest call."""
        return CallDelta(self._count - 1, None, None, arguments)


class _Where(Enum):
    START = auto()
    """Only white space was read so far."""
    TEXT = auto()
    OPEN = auto()
    """After a mark, or at the beginning of an object: it may be a call."""
    CALL = auto()
    """In the call of an offered function."""
    AFTER = auto()
    """After a call: another one, the mark that ends it, or text may follow."""


class CallSplitter:
    """Owned by one reader of an answer. ``names``: the offered functions."""

    def __init__(self, names: Collection[str], numbers: CallNumbers) -> None:
        self._names = names
        self._numbers = numbers
        self._where = _Where.START
        self._held = ""
        """Text that is not decided yet."""
        self._mark = ""
        """Mark of the current call; empty for an object without one."""
        self._attempt = ""
        """Text of what may be a call, from its mark."""
        self._listed = False
        """True inside a list of calls."""
        self._begun = False
        """True once the call's object has begun."""
        self._scanner = CallScanner()
        self._arguments_only = False
        self._sent = 0
        """Characters of the arguments that were returned."""

    def feed(self, text: str) -> Split:
        """Return what ``text`` adds."""
        self._held += text
        split, before = Split(), None
        while before != (before := (self._where, len(self._held), self._attempt)):
            self._step(split)
        return split

    def end(self) -> str:
        """Return the text that was held back, once the answer has ended."""
        held = self._attempt + self._held if self._where in (_Where.START, _Where.TEXT, _Where.OPEN) else ""
        self._held = self._attempt = ""
        return held

    def _step(self, split: Split) -> None:
        match self._where:
            case _Where.START:
                self._at_start()
            case _Where.TEXT:
                self._in_text(split)
            case _Where.OPEN:
                self._open(split)
            case _Where.CALL:
                self._in_call(split)
            case _Where.AFTER:
                self._after()

    def _at_start(self) -> None:
        text = self._held.lstrip()
        if text.startswith("{"):
            self._begin("", len(self._held) - len(text))
        elif text:
            self._where = _Where.TEXT

    def _in_text(self, split: Split) -> None:
        found = [(at, mark) for mark in MARKS if (at := self._held.find(mark)) >= 0]
        if found:
            at, mark = min(found)
            before = self._held[:at].rstrip()
            split.text += before
            self._held = self._held[len(before) :]
            self._begin(mark, at - len(before) + len(mark))
            return
        safe = len(self._held) - _beginning(self._held, MARKS)
        safe = len(self._held[:safe].rstrip())
        split.text += self._held[:safe]
        self._held = self._held[safe:]

    def _begin(self, mark: str, size: int) -> None:
        """Begin what may be a call, after the first ``size`` characters."""
        self._where, self._mark, self._listed = _Where.OPEN, mark, False
        self._attempt, self._held = self._held[:size], self._held[size:]
        self._scan()

    def _scan(self, scanner: CallScanner | None = None) -> None:
        self._scanner = scanner or CallScanner()
        self._arguments_only, self._sent, self._begun = scanner is not None, 0, False

    def _open(self, split: Split) -> None:
        """Read until the name is known."""
        if not self._begun:
            self._consume(len(self._held) - len(self._held.lstrip()))
            if not self._held:
                return
            if self._mark and not self._listed and self._held[0] == "[":
                self._listed = True
                self._consume(1)
                return
            if self._held[0] != "{":
                self._open_named(split)
                return
            self._begun = True
        for size, char in enumerate(self._held, start=1):
            self._scanner.feed(char)
            if self._is_decided:
                self._consume(size)
                if self._scanner.name in self._names:
                    self._accept(split, self._scanner.name or "")
                else:
                    self._reject(split)
                return
        self._consume(len(self._held))

    @property
    def _is_decided(self) -> bool:
        """True once the name is known, or the text can't be a call."""
        scanner = self._scanner
        wrong = scanner.ended or scanner.failed or (scanner.strange and not self._mark)
        return scanner.name is not None or wrong

    def _open_named(self, split: Split) -> None:
        """Read ``name[ARGS]{…}``, the format of newer Mistral models."""
        if self._mark != MISTRAL or self._listed:
            self._reject(split)
            return
        ends = (MISTRAL_ARGUMENTS, MISTRAL_ID, "{")
        places = [at for end in ends if (at := self._held.find(end)) >= 0]
        begun = self._held.find("{")
        if not places or (MISTRAL_ID in self._held and begun < 0):
            if len(self._held) > MAX_NAME:
                self._reject(split)
            return
        if begun < 0:
            if MISTRAL_ARGUMENTS not in self._held:
                return
            begun = self._held.find(MISTRAL_ARGUMENTS) + len(MISTRAL_ARGUMENTS)
        name = self._held[: min(places)].strip()
        if name not in self._names:
            self._reject(split)
            return
        self._consume(begun)
        self._scan(CallScanner.of_arguments(name))
        self._accept(split, name)

    def _accept(self, split: Split, name: str) -> None:
        self._where, self._attempt = _Where.CALL, ""
        split.calls.append(self._numbers.begin(name))

    def _reject(self, split: Split) -> None:
        """Return what was held as text."""
        split.text += self._attempt
        self._where, self._attempt = _Where.TEXT, ""

    def _in_call(self, split: Split) -> None:
        scanner = self._scanner
        ended = scanner.arguments_ended if self._arguments_only else scanner.ended
        if not ended and not scanner.failed:
            size = scanner.feed(self._held, arguments_only=self._arguments_only)
            self._held = self._held[size:]
            ended = scanner.arguments_ended if self._arguments_only else scanner.ended
        if ended and not scanner.arguments:
            scanner.arguments = "{}"
        if len(scanner.arguments) > self._sent:
            split.calls.append(self._numbers.more(scanner.arguments[self._sent :]))
            self._sent = len(scanner.arguments)
        if ended or scanner.failed:
            self._where = _Where.AFTER

    def _after(self) -> None:
        text = self._held.lstrip()
        if not text:
            return
        expected = (*MARKS, HERMES_END) if self._mark == HERMES else MARKS
        if self._listed and text[0] in ",]":
            self._listed = text[0] == ","
            self._held = text[1:]
            if self._listed:
                self._where, self._attempt = _Where.OPEN, "["
                self._scan()
        elif self._mark == HERMES and text.startswith(HERMES_END):
            self._held = text[len(HERMES_END) :]
        elif not self._mark and text[0] in ";{":
            self._held = text[1:] if text[0] == ";" else text
            if text[0] == "{":
                self._begin("", 0)
        elif len(text) == _beginning(text, expected):
            return
        else:
            self._where, self._held = _Where.TEXT, text

    def _consume(self, size: int) -> None:
        """Move text to the attempt."""
        self._attempt += self._held[:size]
        self._held = self._held[size:]


def _beginning(text: str, marks: Collection[str]) -> int:
    """Return the length of the longest end of ``text`` with which one of ``marks`` begins, but is not complete."""
    longest = max(map(len, marks)) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(len(mark) > size and mark.startswith(text[-size:]) for mark in marks):
            return size
    return 0
