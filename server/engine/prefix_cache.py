"""Tokens held in the KV cache and in RAM, and the longest prefix of a new prompt among them.

Pure bookkeeping: kv.py applies the results to the model.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from server.engine.prefix_tree import PrefixTree, Tokens, common_prefix

WORTH_MOVING: Final = 16
"""Minimum number of tokens for which copying the KV is cheaper than computing it."""


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """The KV of ``tokens``, as bytes in RAM. Compared by identity."""

    tokens: Tokens
    state: memoryview


@dataclass(frozen=True, slots=True)
class Match:
    """Location of the first ``length`` tokens of a prompt: ``slot``, or else ``saved``; none when length is 0."""

    length: int
    slot: int | None = None
    saved: Saved | None = None


class PrefixCache:
    """Tokens that ended generations left in free slots, and those saved to RAM when such a slot was needed, at most
    ``budget`` bytes.

    Both are in order of last use, oldest first.
    """

    def __init__(self, *, budget: int) -> None:
        self._budget = budget
        self._kept: OrderedDict[int, Tokens] = OrderedDict()
        self._saved: OrderedDict[Saved, None] = OrderedDict()
        self._tree: PrefixTree[Saved] = PrefixTree()
        """The entries of ``_saved`` by their tokens."""
        self._saved_bytes = 0

    @property
    def kept(self) -> Mapping[int, Tokens]:
        """Tokens in each free slot that has any."""
        return self._kept

    @property
    def kept_tokens(self) -> int:
        return sum(map(len, self._kept.values()))

    @property
    def saved_bytes(self) -> int:
        return self._saved_bytes

    @property
    def saves(self) -> bool:
        """True when there is a budget for saving."""
        return self._budget > 0

    def find(self, prompt: Tokens, running: Iterable[tuple[int, Tokens]]) -> Match:
        """Find the longest prefix of ``prompt`` that is held, including the computed tokens of ``running`` slots.

        At least one token is left to compute, since logits need one. Among equals a free slot is best: it needs no
        copy.
        """
        prompt = prompt[:-1]
        best = Match(0)
        for slot, tokens in reversed(self._kept.items()):
            best = _longer(best, Match(common_prefix(prompt, tokens), slot=slot))
        for slot, tokens in running:
            best = _longer(best, Match(common_prefix(prompt, tokens), slot=slot))
        length, saved = self._tree.longest(prompt)
        return _longer(best, Match(length, saved=saved))

    def keep(self, slot: int, tokens: Tokens) -> None:
        """Record that a free slot holds ``tokens``."""
        self._kept[slot] = tokens
        self._kept.move_to_end(slot)

    def take(self, slot: int) -> Tokens | None:
        """Record that a slot is in use or empty. Returns the tokens that it held."""
        return self._kept.pop(slot, None)

    def oldest(self) -> int | None:
        """Return the slot whose tokens were used longest ago."""
        return next(iter(self._kept), None)

    def is_saved(self, tokens: Tokens) -> bool:
        """Tell whether all of ``tokens`` are saved in RAM."""
        length, saved = self._tree.longest(tokens)
        return saved is not None and length == len(tokens)

    def has(self, saved: Saved) -> bool:
        """Tell whether ``saved`` is still in RAM."""
        return saved in self._saved

    def save(self, saved: Saved) -> None:
        """Save a state. It replaces saved prefixes of itself, and then the oldest entries.

        A state larger than the whole budget is dropped.
        """
        if len(saved.state) > self._budget:
            return
        for prefix in self._tree.prefixes(saved.tokens):
            self._drop(prefix)
        self._tree.add(saved)
        self._saved[saved] = None
        self._saved_bytes += len(saved.state)
        while self._saved_bytes > self._budget:
            self._drop(next(iter(self._saved)))

    def touch(self, saved: Saved | None) -> None:
        """Mark ``saved`` as just used, if it is saved here."""
        if saved is not None and saved in self._saved:
            self._saved.move_to_end(saved)
            self._tree.touch(saved)

    def clear_slots(self) -> None:
        """Record that the KV cache is empty; saved states stay."""
        self._kept.clear()

    def _drop(self, saved: Saved) -> None:
        del self._saved[saved]
        self._tree.remove(saved)
        self._saved_bytes -= len(saved.state)


def _longer(one: Match, other: Match) -> Match:
    return other if other.length > one.length else one
