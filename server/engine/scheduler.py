"""Who computes what in the next step. Pure: no model, no clock, no thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from server.engine.model import Row
from server.engine.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Share:
    """One sequence's part of a batch: its next ``count`` tokens, of which the last is the batch's row ``last_row``.

    ``complete``: the share ends at the sequence's newest token, so that the next one can be chosen from its logits.
    """

    sequence: Sequence
    count: int
    last_row: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """One step's batch."""

    rows: list[Row]
    shares: list[Share]


class Scheduler:
    """First come, first served, over ``slots`` KV slots.

    A step carries one token of every sequence that is writing and at most ``chunk`` tokens of prompts, so that writing
    goes on while prompts are read. Rows are in ascending order of their slots, and the lowest free slot is given first:
    llama.cpp splits a batch wherever that order breaks.
    """

    def __init__(self, *, slots: int, chunk: int) -> None:
        self._chunk = chunk
        self._free = list(range(slots))
        self._waiting: deque[Sequence] = deque()
        self._running: dict[int, Sequence] = {}

    @property
    def idle(self) -> bool:
        return not self._waiting and not self._running

    @property
    def waiting(self) -> tuple[Sequence, ...]:
        return tuple(self._waiting)

    @property
    def running(self) -> tuple[Sequence, ...]:
        return tuple(self._running.values())

    def add(self, sequence: Sequence) -> None:
        self._waiting.append(sequence)

    def find(self, id: str) -> Sequence | None:
        return next((sequence for sequence in self if sequence.id == id), None)

    def admit(self, now: float) -> list[Sequence]:
        """Give free slots to those who have waited longest."""
        admitted = []
        while self._free and self._waiting:
            sequence, slot = self._waiting.popleft(), min(self._free)
            self._free.remove(slot)
            self._running[slot] = sequence
            sequence.admit(slot, now)
            admitted.append(sequence)
        return admitted

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out, and its slot back."""
        if sequence.slot is None:
            self._waiting.remove(sequence)
        else:
            del self._running[sequence.slot]
            self._free.append(sequence.slot)

    def plan(self) -> Plan:
        """The next step's batch; it is empty when nothing runs."""
        counts = self._counts()
        rows: list[Row] = []
        shares: list[Share] = []
        for slot in sorted(counts):
            sequence, count = self._running[slot], counts[slot]
            rows.extend(_rows(sequence, slot, count))
            shares.append(Share(sequence, count, len(rows) - 1, rows[-1].logits))
        return Plan(rows, shares)

    def _counts(self) -> dict[int, int]:
        """How many tokens each slot computes: the writing ones their newest, the readers share one chunk in turn."""
        counts: dict[int, int] = {}
        budget = self._chunk
        for slot, sequence in self._running.items():
            missing = len(sequence.tokens) - sequence.computed
            count = missing if missing == 1 else min(missing, budget)
            if missing > 1:
                budget -= count
            if count:
                counts[slot] = count
        return counts

    def __iter__(self) -> Iterator[Sequence]:
        yield from self._running.values()
        yield from self._waiting


def _rows(sequence: Sequence, slot: int, count: int) -> Iterator[Row]:
    end = len(sequence.tokens)
    for position in range(sequence.computed, sequence.computed + count):
        yield Row(sequence.tokens[position], slot, position, logits=position == end - 1)
