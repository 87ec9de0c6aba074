"""Tokens of an answer by the events of its log, so that others can continue from a place in it (PROTOCOL 6.12)."""

from __future__ import annotations

from array import array
from typing import Final

from server.engine.base import Instruction

TOKEN_BYTES: Final = 4
"""Memory per token, in bytes."""


class AnswerTokens:
    """Owned by a Generation, which adds one entry for each event. Tokens of an unknown answer have none."""

    def __init__(self) -> None:
        self._tokens = array("i")
        self._ends = array("q", [0])
        """Number of the tokens of the first 0, 1, 2 ... events."""
        self._instructions: dict[int, Instruction] = {}
        """Instructions by the numbers of their events."""

    @property
    def size(self) -> int:
        """Memory use, in bytes."""
        read = sum(len(instruction.tokens) for instruction in self._instructions.values())
        return (len(self._tokens) + read) * TOKEN_BYTES + len(self._ends) * 8

    def __len__(self) -> int:
        return len(self._tokens)

    def add(self, tokens: tuple[int, ...], instruction: Instruction | None = None) -> None:
        """Append the tokens of the next event. Those of an ``instruction`` follow them, and are its own."""
        self._tokens.extend(tokens)
        self._ends.append(len(self._tokens))
        if instruction is not None:
            self._instructions[len(self._ends) - 1] = instruction

    def of(self, seq: int) -> tuple[int, ...]:
        """Return the tokens of event ``seq``."""
        return tuple(self._tokens[self._ends[seq - 1] : self._ends[seq]])

    def instruction(self, seq: int) -> Instruction | None:
        """Return the instruction that event ``seq`` is, with its tokens; None if it is another event."""
        return self._instructions.get(seq)

    def before(self, seq: int) -> tuple[int, ...]:
        """Return the tokens before the place of event ``seq``, without those of instructions."""
        return tuple(self._tokens[: self._ends[seq - 1]])

    def instructions_before(self, seq: int) -> tuple[tuple[int, Instruction], ...]:
        """Return the instructions before that place, each after a number of tokens."""
        return tuple((self._ends[number], each) for number, each in self._instructions.items() if number < seq)

    def read_before(self, seq: int) -> tuple[int, ...]:
        """Return the tokens before that place as the model has read them, with those of instructions."""
        read: list[int] = []
        start = 0
        for end, instruction in self.instructions_before(seq):
            read += [*self._tokens[start:end], *instruction.tokens]
            start = end
        return (*read, *self._tokens[start : self._ends[seq - 1]])

    def chosen_at(self, seq: int) -> int | None:
        """Return the token that the answer has at that place; None at its end so far, and before an instruction."""
        start = self._ends[seq - 1]
        for number in range(seq, len(self._ends)):
            if self._ends[number] > start:
                return self._tokens[start]
            if number in self._instructions:
                return None
        return None
