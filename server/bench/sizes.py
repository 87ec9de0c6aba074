"""How much is asked: the same for both sides, and fitted to the model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

MARGIN = 16
"""Tokens that are left free, since a prompt's length is only about right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Lengths are in tokens, of prompts unless an answer is meant; the rest are numbers of repetitions in a turn."""

    streams: tuple[int, ...] = (1, 4, 16, 32)
    short: int = 32
    long: int = 2000
    longest: int = 4000
    answer: int = 64
    answer_seconds: float = 1.5
    """An answer to one person should take so long, so that a fast model is measured over more than a blink."""
    turn: int = 32
    """Length of the answer that a conversation's first turn gets."""
    arriving: int = 16
    arrivals: int = 2
    readings: int = 2
    stops: int = 16
    prompt_stops: int = 8
    nexts: int = 4
    turns: int = 2
    context: int = 0
    long_seconds: float = 0.0
    """How long our server reads ``long`` tokens: what has to happen meanwhile is timed by it."""

    @property
    def longest_seconds(self) -> float:
        return self.long_seconds * self.longest / self.long

    @property
    def running(self) -> int:
        """Length of an answer that goes on until it is stopped."""
        return self.context - self.short - MARGIN

    def fitted(self, *, context: int, parallel: int) -> Sizes:
        """With prompts that leave room for answers and a further turn, and no more streams than run at once."""
        room = context - 3 * self.turn - self.short - max(MARGIN, context // 50)  # a text read again may be longer
        return dataclasses.replace(
            self,
            context=context,
            streams=tuple(n for n in self.streams if n <= parallel) or (1,),
            arriving=min(self.arriving, parallel),
            long=min(self.long, room),
            longest=min(self.longest, room),
        )


FULL = Sizes()
QUICK = Sizes(
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
)
