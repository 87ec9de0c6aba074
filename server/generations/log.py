"""One generation's append-only log of numbered events (PROTOCOL 6).

Text pieces, instructions and changes of parameters are numbered 1, 2, 3 and so on; ``done`` has the number after the
last. A reader has a
cursor and reads all text after it in one message, so a slow reader gets fewer and larger messages.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator
from itertools import pairwise
from math import nan
from typing import Final, NamedTuple

from protocol.messages import (
    ChosenLogprob,
    Done,
    Instruction,
    Snapshot,
    Steered,
    Token,
    ToolCall,
    Tuned,
    TunedValues,
)
from protocol.tuned import with_tuned
from server.generations.call_log import CallLog

Wake = Callable[[], None]
"""Called on the event loop when there may be new events. Must return quickly."""

SLICE_BYTES: Final = 16_384
"""Maximum text per message, in bytes, except for a longer single piece: a client on a slow network must receive it
before the server treats it as stalled."""


Event = Token | Steered | Tuned | Done
"""An event of a log, as readers get it."""


class Part(NamedTuple):
    """Text of an answer after an ``instruction``, whose number is ``seq``; None and 0: its first part.

    ``arrivals``: for each piece its length in code points and its arrival time; see ``GenerationLog.append``.
    """

    seq: int
    instruction: str | None
    text: str
    arrivals: tuple[tuple[int, float], ...]


class Entry(NamedTuple):
    """One piece of text with the logprobs of its tokens where requested, or an ``instruction``, or what was
    ``tuned``."""

    text: str
    logprobs: tuple[ChosenLogprob, ...] = ()
    instruction: str | None = None
    tuned: TunedValues | None = None


class GenerationLog:
    """Owned by the registry, on the event loop; only the registry appends. ``epoch`` never changes."""

    def __init__(self, id: str, epoch: str, functions: Collection[str] = ()) -> None:
        """``functions``: names of those that the answer may call."""
        self.id = id
        self.epoch = epoch
        self.done: Done | None = None
        self.choices = 0
        """Number of tokens stored with a logprob, including alternatives."""
        self._pieces: list[str] = []
        self._logprobs: dict[int, tuple[ChosenLogprob, ...]] = {}
        """Logprobs of the tokens of each piece, by the piece's number."""
        self._instructions: dict[int, str] = {}
        """The instructions, by their numbers; each has an empty piece in ``_pieces``."""
        self._tunings: dict[int, TunedValues] = {}
        """Tuned values, by their numbers; each has an empty piece in ``_pieces``."""
        self._marks: list[int] = []
        """Numbers of the instructions and tunings, in order."""
        self.aside = 0
        """Size of the instructions and tunings, in code points."""
        self._calls = CallLog(id, functions) if functions else None
        self._ends = array("q", [0])
        """UTF-8 size of the first 0, 1, 2 ... pieces, in bytes."""
        self._arrivals = array("d")
        """Arrival time of each piece, in ``time.monotonic()`` seconds; NaN for the pieces of an earlier server."""

    @property
    def pieces(self) -> int:
        """Number of text pieces, instructions and tunings, which is also the number of the newest one."""
        return len(self._pieces)

    @property
    def seq(self) -> int:
        """Number of the newest event; 0 when there is none."""
        return self.done.seq if self.done else self.pieces

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._pieces)

    @property
    def has_text(self) -> bool:
        """True once there is a text piece."""
        return self._ends[-1] > 0

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """All instructions so far."""
        return tuple(self._instruction(seq) for seq in self._instructions)

    @property
    def tuned(self) -> TunedValues | None:
        """Newest values of all that was tuned; None without any."""
        return self._tuned_at(self.pieces)

    @property
    def tunings(self) -> int:
        """Number of changes of parameters."""
        return len(self._tunings)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...] | None:
        """All calls so far; None without any."""
        return self._calls.whole if self._calls else None

    @property
    def content(self) -> str | None:
        """Text outside of calls, once there is a call and such a text."""
        return self._calls.content if self._calls else None

    @property
    def size(self) -> int:
        """UTF-8 size of the text, in bytes."""
        return self._ends[-1]

    def size_at(self, seq: int) -> int:
        """Return the UTF-8 size of the text up to number ``seq``, in bytes."""
        return self._ends[min(seq, self.pieces)]

    def append(self, text: str, logprobs: tuple[ChosenLogprob, ...] = (), arrived: float = nan) -> None:
        """Append the next piece, with the logprobs of its tokens where they were asked for."""
        size = self.size + len(text.encode())  # first, so that an error leaves the log unchanged
        if logprobs:
            self._logprobs[self.pieces + 1] = logprobs
            self.choices += sum(1 + len(logprob.top_logprobs) for logprob in logprobs)
        self._pieces.append(text)
        if self._calls:
            self._calls.append(self.pieces, text)
        self._ends.append(size)
        self._arrivals.append(arrived)

    def steer(self, instruction: str, arrived: float = nan) -> None:
        """Append an instruction. The text after it is a new part of the answer."""
        self._mark(len(instruction), arrived)
        self._instructions[self.pieces] = instruction

    def tune(self, values: TunedValues, arrived: float = nan) -> None:
        """Append a change of parameters. The text after it belongs to the same part of the answer."""
        self._mark(len(str(values.params)), arrived)
        self._tunings[self.pieces] = values

    def _mark(self, size: int, arrived: float) -> None:
        self.append("", arrived=arrived)
        self._marks.append(self.pieces)
        self.aside += size

    def snapshot(self) -> Snapshot:
        """Return the whole text so far."""
        return Snapshot(
            id=self.id,
            epoch=self.epoch,
            seq=self.pieces,
            text=self.text,
            tool_calls=self.tool_calls,
            steered=self.instructions or None,
            tuned=self.tuned,
        )

    def snapshot_at(self, seq: int) -> Snapshot:
        """Return the text up to the instruction or tuning ``seq``, for clients that know neither (PROTOCOL 5.13)."""
        known = tuple(self._instruction(each) for each in self._instructions if each <= seq)
        return Snapshot(
            id=self.id,
            epoch=self.epoch,
            seq=seq,
            text="".join(self._pieces[:seq]),
            steered=known or None,
            tuned=self._tuned_at(seq),
        )

    def end_text(self) -> None:
        """Record that no piece follows: text that might have become a call is none."""
        if self._calls:
            self._calls.end()

    def finish(self, done: Done) -> None:
        self.done = done

    def parts(self) -> tuple[Part, ...]:
        """Return the text before, between and after the instructions."""
        return tuple(self._part(start, end) for start, end in pairwise([0, *self._instructions, self.pieces]))

    def _part(self, start: int, end: int) -> Part:
        pieces = self._pieces[start:end]
        arrivals = zip(map(len, pieces), self._arrivals[start:end], strict=True)
        return Part(start, self._instructions.get(start), "".join(pieces), tuple(arrivals))

    def written(self) -> Iterator[Entry]:
        """Yield each piece, each instruction and each tuning."""
        for number, text in enumerate(self._pieces, start=1):
            yield Entry(text, self._logprobs.get(number, ()), self._instructions.get(number), self._tunings.get(number))

    def read(self, after: int) -> Event | None:
        """Return the next message for a cursor at ``after``: the text after it up to the next instruction or tuning,
        else that one, else ``done``, else None for now."""
        if after < self.pieces:
            if mark := self._marked(after + 1):
                return mark
            last = max(after + 1, bisect_right(self._ends, self.size_at(after) + SLICE_BYTES) - 1)
            last = self._text_end(after, min(last, self.pieces))
            text = "".join(self._pieces[after:last])
            calls = self._calls.between(after, last) if self._calls else None
            logprobs = self._logprobs_of(after, last)
            return Token(id=self.id, seq=last, n=last - after, text=text, logprobs=logprobs, tool_calls=calls)
        return self.done if self.done and after < self.done.seq else None

    def event(self, seq: int) -> Event | None:
        """Return the event with number ``seq``, a piece by itself; None while it is not there."""
        if mark := self._marked(seq):
            return mark
        if seq <= self.pieces:
            return Token(id=self.id, seq=seq, n=1, text=self._pieces[seq - 1], logprobs=self._logprobs_of(seq - 1, seq))
        return self.done if self.done and seq == self.done.seq else None

    def events(self, after: int) -> Iterator[Event]:
        """Yield the messages after a cursor at ``after`` that can be read now."""
        while (event := self.read(after)) is not None:
            after = event.seq
            yield event

    def _marked(self, seq: int) -> Steered | Tuned | None:
        """Return the instruction or tuning with this number, if it is one."""
        if values := self._tunings.get(seq):
            return Tuned(id=self.id, seq=seq, params=values.params, on_detach_ms=values.on_detach_ms)
        content = self._instructions.get(seq)
        return None if content is None else Steered(id=self.id, seq=seq, content=content)

    def _tuned_at(self, seq: int) -> TunedValues | None:
        newest = None
        for number, values in self._tunings.items():
            if number <= seq:
                newest = with_tuned(newest, values)
        return newest

    def _instruction(self, seq: int) -> Instruction:
        chars = sum(map(len, self._pieces[:seq]))
        return Instruction(seq=seq, chars=chars, content=self._instructions[seq])

    def _text_end(self, after: int, last: int) -> int:
        """Return the number of the last piece after ``after``, up to ``last``, that is before an instruction or
        tuning."""
        place = bisect_left(self._marks, after + 1)
        return min(last, self._marks[place] - 1) if place < len(self._marks) else last

    def _logprobs_of(self, after: int, last: int) -> tuple[ChosenLogprob, ...] | None:
        if not self._logprobs:
            return None
        found = [self._logprobs.get(seq, ()) for seq in range(after + 1, last + 1)]
        return tuple(logprob for each in found for logprob in each)
