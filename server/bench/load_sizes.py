"""Sizes of the load: the same for both sides, and fitted to the model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

MARGIN = 16
"""Tokens left free, since the length of a prompt is approximate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSizes:
    """Lengths in tokens, of prompts unless an answer is named; the other fields are repetitions per turn."""

    streams: tuple[int, ...] = (1, 4, 16, 32)
    short: int = 32
    long: int = 2000
    longest: int = 4000
    answer: int = 64
    answer_seconds: float = 1.5
    """Minimum duration of a single answer, in seconds, so that a fast model is measured long enough."""
    turn: int = 32
    """Length of the answer to a conversation's first turn, in tokens."""
    copied: int = 600
    """Length of a text that an answer copies, and of that answer, in tokens."""
    writing: float = 8.0
    """Time for which a message is written after a long text was pasted into it, in seconds."""
    arriving: int = 16
    arrivals: int = 2
    readings: int = 2
    stops: int = 16
    prompt_stops: int = 8
    nexts: int = 4
    turns: int = 2
    context: int = 0
    long_seconds: float = 0.0
    """Time for reading ``long`` tokens on our server, in seconds; used to time events during the reading."""

    @property
    def longest_seconds(self) -> float:
        return self.long_seconds * self.longest / self.long

    @property
    def pasted(self) -> int:
        """Length of a message that is read ahead, in tokens: at most ``long``, and what our server reads in three
        quarters of ``writing``. More could not be read in time, so its first token would show the speed of reading."""
        if not self.long_seconds:
            return self.long
        readable = int(self.long * self.writing * 0.75 / self.long_seconds)
        return min(self.long, max(readable, 2 * self.short))

    @property
    def running(self) -> int:
        """Length of an answer that runs until it is stopped, in tokens."""
        return self.context - self.short - MARGIN

    def fitted(self, *, context: int, parallel: int) -> LoadSizes:
        """Return sizes whose prompts leave room for answers and another turn, with at most ``parallel`` streams."""
        # A text that is read again may have more tokens.
        room = context - 3 * self.turn - self.short - max(MARGIN, context // 50)
        return dataclasses.replace(
            self,
            context=context,
            streams=tuple(n for n in self.streams if n <= parallel) or (1,),
            arriving=min(self.arriving, parallel),
            long=min(self.long, room),
            longest=min(self.longest, room),
            copied=min(self.copied, room // 4),
        )


FULL = LoadSizes()
QUICK = LoadSizes(
    streams=(1, 4),
    long=400,
    longest=800,
    answer=16,
    answer_seconds=0.1,
    arriving=4,
    arrivals=1,
    readings=1,
    stops=3,
    prompt_stops=2,
    nexts=1,
    turns=1,
    copied=100,
    writing=4.0,
)
