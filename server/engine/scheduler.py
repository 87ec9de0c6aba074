"""Choice of the tokens to compute in the next step. Pure: no model, no clock, no thread of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from server.engine.model import Row
from server.engine.prefix_tree import Tokens
from server.engine.prefix_waits import hidden_from
from server.engine.sequence import Sequence

WIDEST_FILLED_GAP: Final = 4
"""Largest gap of slots without a row that is filled. Filling a wider one costs more than the split that it avoids."""

FILLER: Final = 0
"""Token of a filler row."""

_NO_TURNS: Final[Mapping[Sequence, int]] = {}


@dataclass(frozen=True, slots=True)
class Share:
    """One sequence's part of a batch: its next ``count`` tokens.

    ``output``: index of this row among the rows with logits, when the share ends at the newest token and the next one
    can be chosen; None: more tokens must be read first. ``reading``: the share reads a prompt, or tokens that the KV
    cache lost, instead of computing one token of an answer. ``proposed``: tokens after those of ``count`` that are
    verified in rows of their own, whose logits follow ``output``.
    """

    sequence: Sequence
    count: int
    output: int | None
    reading: bool
    proposed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The batch of one step. ``filled``: the free slots that got a filler row."""

    rows: list[Row]
    shares: list[Share]
    filled: list[int]

    @property
    def writing(self) -> int:
        """Number of rows that compute answers."""
        return sum(not share.reading for share in self.shares)

    @property
    def reading(self) -> int:
        """Number of rows that read prompts."""
        return sum(share.count for share in self.shares if share.reading)


class Scheduler:
    """Scheduler for ``slots`` KV slots: first come, first served, with a fair share for each principal.

    A step contains one token of every sequence that is writing and a bounded chunk of prompts, so writing continues
    while prompts are read. Rows are in ascending order of slots: llama.cpp splits a batch wherever slots are not
    consecutive.
    """

    def __init__(self, *, slots: int) -> None:
        self._free = set(range(slots))
        self._waiting: list[Sequence] = []
        self._running: dict[int, Sequence] = {}
        self.moves = 0
        """Counter of changes that may move queue positions."""

    @property
    def idle(self) -> bool:
        return not self._waiting and not self._running

    @property
    def free(self) -> frozenset[int]:
        """Slots that no sequence holds."""
        return frozenset(self._free)

    @property
    def running(self) -> tuple[Sequence, ...]:
        """Sequences with a slot, in the order in which they got it."""
        return tuple(self._running.values())

    def reusable(self, newcomer: Sequence, without: Collection[Sequence]) -> dict[int, Tokens]:
        """Return the tokens in each slot that the prompt of ``newcomer`` can reuse, except those of ``without``."""
        hidden = {*without, *hidden_from(newcomer, self.running)}
        return {slot: sequence.reusable for slot, sequence in self._running.items() if sequence not in hidden}

    @property
    def queued(self) -> int:
        """Number of waiting generations."""
        return sum(sequence.lookup is None for sequence in self._waiting)

    @property
    def looking(self) -> tuple[Sequence, ...]:
        """Lookups with a slot."""
        return tuple(sequence for sequence in self._running.values() if sequence.lookup is not None)

    @property
    def waiting(self) -> tuple[Sequence, ...]:
        """Sequences without a slot, in the order in which they will get one.

        Sequences that were sent back come first, and lookups last. The others are served round-robin across principals,
        counting their running sequences, and by arrival within a round.
        """
        if not self._waiting:
            return ()
        running = Counter(sequence.request.principal for sequence in self._running.values())
        ranked: list[tuple[bool, int, int, Sequence]] = []
        for arrival, sequence in enumerate(self._waiting):
            rank = -1 if sequence.begun else running[sequence.request.principal]
            running[sequence.request.principal] += 1
            ranked.append((sequence.lookup is not None, rank, arrival, sequence))
        return tuple(sequence for *_, sequence in sorted(ranked, key=lambda entry: entry[:3]))

    def add(self, sequence: Sequence) -> None:
        self._waiting.append(sequence)
        self.moves += 1

    def find(self, id: str) -> Sequence | None:
        return next((sequence for sequence in self if sequence.id == id), None)

    def admit(self, sequence: Sequence, slot: int, cached: int, now: float) -> None:
        """Give the free slot ``slot``, which already has the first ``cached`` tokens, to a waiting sequence."""
        self._waiting.remove(sequence)
        self._free.remove(slot)
        self.moves += 1
        self._running[slot] = sequence
        sequence.admit(slot, cached, now)

    def send_back(self, sequence: Sequence) -> None:
        """Take a running sequence's slot away and put the sequence at the front of the queue."""
        self.remove(sequence)
        sequence.send_back()
        self._waiting.insert(0, sequence)

    def remove(self, sequence: Sequence) -> None:
        """Remove a sequence and free its slot."""
        self.moves += 1
        if sequence.slot is None:
            self._waiting.remove(sequence)
        else:
            del self._running[sequence.slot]
            self._free.add(sequence.slot)

    def plan(
        self,
        budget: int,
        fill: Mapping[int, int],
        *,
        held: Collection[Sequence] = (),
        turns: Mapping[Sequence, int] = _NO_TURNS,
        only: Sequence | None = None,
    ) -> Plan:
        """Return the next step's batch, with at most ``budget`` prompt tokens; empty when nothing runs.

        ``fill``: the free slots that may get a filler row, and its position there. ``held`` are left out of this step;
        ``only`` leaves out all others. ``turns``: sequences that others wait for, and the number of tokens at which
        their chunk must end, because these others continue there.
        """
        running = [sequence for sequence in self.running if sequence not in held] if only is None else [only]
        counts = {sequence.slot: 1 for sequence in running if sequence.ahead == 1}
        readers = [sequence for sequence in running if sequence.ahead > 1]
        ahead = {r: min(r.ahead, turns.get(r, len(r.tokens)) - r.computed) for r in readers}
        counts |= _chunks(ahead, budget, least=1 if counts else 0)
        writes = any(sequence.stepping for sequence in running)
        filled = _gaps(sorted(slot for slot in counts if slot is not None), fill) if writes else []
        rows: list[Row] = []
        shares: list[Share] = []
        outputs = 0
        for slot in sorted([*(slot for slot in counts if slot is not None), *filled]):
            if slot in filled:
                rows.append(Row(FILLER, slot, fill[slot], False))
                continue
            sequence, count = self._running[slot], counts[slot]
            complete = count == sequence.missing
            rows.extend(_rows(sequence, slot, count))
            shares.append(Share(sequence, count, outputs if complete else None, reading=not sequence.stepping))
            outputs += complete
        return Plan(rows, shares, filled)

    def __iter__(self) -> Iterator[Sequence]:
        yield from self._running.values()
        yield from self._waiting


def _chunks(ahead: Mapping[Sequence, int], budget: int, least: int) -> dict[int | None, int]:
    """Return the tokens of ``budget`` per reading sequence. ``least`` 1: each gets at least one, so slots have no gap.

    ``ahead``: the most tokens that each may get; in the order of admission. A quarter is for the sequence that has
    waited longest, so that a long prompt makes progress; the rest is for those nearest to their end, so that a short
    prompt need not wait for it. No chunk leaves a last token to be read alone: its bits would differ from those of a
    token read among others.
    """
    readers = list(ahead)
    counts = dict.fromkeys((sequence.slot for sequence in readers), least)
    left = max(0, budget - least * len(readers))
    for sequence, share in (
        *((reader, left // 4) for reader in readers[:1]),
        *((reader, budget) for reader in sorted(readers, key=ahead.__getitem__)),
    ):
        more = min(share, left, ahead[sequence] - counts[sequence.slot])
        counts[sequence.slot] += more
        left -= more
    for sequence in readers:
        if counts[sequence.slot] > 2 and ahead[sequence] - counts[sequence.slot] == 1:
            counts[sequence.slot] -= 1
    return {slot: count for slot, count in counts.items() if count}


def _gaps(slots: list[int], fill: Mapping[int, int]) -> list[int]:
    """Return the slots between two of ``slots`` that are worth a filler row."""
    filled: list[int] = []
    for before, after in pairwise(slots):
        gap = range(before + 1, after)
        if len(gap) <= WIDEST_FILLED_GAP and all(slot in fill for slot in gap):
            filled.extend(gap)
    return filled


def _rows(sequence: Sequence, slot: int, count: int) -> Iterable[Row]:
    end = len(sequence.tokens)
    for position in range(sequence.computed, sequence.computed + count):
        yield Row(sequence.tokens[position], slot, position, logits=position == end - 1)
