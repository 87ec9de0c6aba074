"""Sequences that wait while another one reads the beginning that their prompts share. Pure: kv.py copies the KV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from server.engine.prefix_tree import common_prefix
from server.engine.sequence import Sequence

WORTH_WAITING: Final = 64
"""Minimum number of shared tokens for which a sequence waits. A step that reads fewer takes about as long as a step of
this size, so waiting for fewer would save no time."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait until ``leader`` has read the first ``shared`` tokens, with which both prompts begin."""

    leader: Sequence
    shared: int


class PrefixWaits:
    """Decides which of the running sequences wait, and for which one. Owned by the batcher.

    Prompts with shared beginnings form a tree. On each of its branches the sequence that has read most (the one with
    the older slot among equals) reads on, and the others wait for it. So no two sequences wait for each other. When the
    reading sequence ends before it has read the shared part, the next one takes over.
    """

    def __init__(self) -> None:
        self._readers: list[Sequence] = []
        self._shared: dict[frozenset[Sequence], int] = {}
        """Number of shared tokens of each pair of ``_readers``."""
        self._waits: dict[Sequence, Wait] = {}
        self._due: list[Sequence] = []

    @property
    def waiting(self) -> Mapping[Sequence, Wait]:
        """Sequences that compute nothing in this step."""
        return self._waits

    @property
    def due(self) -> list[Sequence]:
        """Sequences whose wait has ended, and which have not yet got the KV of the shared tokens."""
        return [*self._due]

    @property
    def turns(self) -> Mapping[Sequence, int]:
        """For each sequence that others wait for, the number of tokens after which the first of them continues."""
        turns: dict[Sequence, int] = {}
        for wait in self._waits.values():
            turns[wait.leader] = min(wait.shared, turns.get(wait.leader, wait.shared))
        return turns

    def update(self, running: Iterable[Sequence]) -> None:
        """Decide which sequences of ``running`` wait in the next step. They are in the order of their admission."""
        readers = [sequence for sequence in running if sequence.reading]
        if readers != self._readers:
            self._compare(readers)
        if len(readers) < 2 and not self._waits and not self._due:
            return
        found = [(sequence, self._find(sequence, place)) for place, sequence in enumerate(readers)]
        waits = {sequence: wait for sequence, wait in found if wait is not None}
        waited = {*self._waits, *self._due}
        self._due = [sequence for sequence in readers if sequence in waited and sequence not in waits]
        self._waits = waits

    def served(self, sequence: Sequence) -> None:
        """Record that a sequence of ``due`` has what there was to copy."""
        self._due.remove(sequence)

    def read(self, sequence: Sequence) -> int:
        """Return how many tokens of the prompt are in the KV cache: of this sequence, or of the one it waits for."""
        wait = self._waits.get(sequence)
        return sequence.computed if wait is None else max(sequence.computed, min(wait.shared, self.read(wait.leader)))

    def _compare(self, readers: list[Sequence]) -> None:
        pairs = {frozenset((one, other)) for place, one in enumerate(readers) for other in readers[:place]}
        self._shared = {pair: self._shared[pair] if pair in self._shared else _shared(*pair) for pair in pairs}
        self._readers = readers

    def _find(self, sequence: Sequence, place: int) -> Wait | None:
        """Return the wait for the longest shared beginning. None when it would save too little."""
        has, longest = sequence.computed, Wait(sequence, 0)
        for at, other in enumerate(self._readers):
            if other is sequence:
                continue
            shared = self._shared[frozenset((sequence, other))]
            if other.computed >= shared:
                has = max(has, shared)
            elif shared > longest.shared and (other.computed, -at) > (sequence.computed, -place):
                longest = Wait(other, shared)
        return longest if longest.shared - has >= WORTH_WAITING else None


def will_share(reader: Sequence, newcomer: Sequence) -> bool:
    """Tell whether ``reader`` is still reading a beginning for which ``newcomer`` can wait."""
    return reader.reading and max(WORTH_WAITING, reader.computed + 1) <= _shared(reader, newcomer)


def hidden_from(sequence: Sequence, others: Iterable[Sequence]) -> list[Sequence]:
    """Return those of ``others`` whose KV ``sequence`` may not get: temporary ones of other principals."""
    return [other for other in others if other.request.only_for not in (None, sequence.request.principal)]


def _shared(one: Sequence, other: Sequence) -> int:
    if hidden_from(one, [other]) or hidden_from(other, [one]):
        return 0
    return common_prefix(one.shareable(), other.shareable())
