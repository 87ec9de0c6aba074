"""Which tokens the KV cache and the memory beside it still hold, and where a new prompt finds its longest prefix.

Pure bookkeeping: kv.py does what follows from it to the model.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]

WORTH_MOVING: Final = 16
"""Tokens from which on it is cheaper to copy their KV than to compute it."""


def common_prefix(one: Tokens, other: Tokens) -> int:
    """How many tokens both begin with."""
    length = min(len(one), len(other))
    differs = one[:length] != other[:length]
    first = int(differs.argmax()) if length else 0
    return first if length and differs[first] else length


@dataclass(frozen=True, slots=True)
class Saved:
    """The KV of ``tokens``, as bytes in plain memory."""

    tokens: Tokens
    state: memoryview


@dataclass(frozen=True, slots=True)
class Match:
    """Where the first ``length`` tokens of a prompt are: in ``slot``, or else in ``saved``; nowhere with length 0."""

    length: int
    slot: int | None = None
    saved: Saved | None = None


class PrefixCache:
    """What ended generations left in free slots, and what was saved when such a slot was needed, at most ``budget``
    bytes.

    Both are in the order of their last use, the oldest first.
    """

    def __init__(self, *, budget: int) -> None:
        self._budget = budget
        self._kept: OrderedDict[int, Tokens] = OrderedDict()
        self._saved: list[Saved] = []

    @property
    def kept(self) -> Mapping[int, Tokens]:
        """What each free slot holds, where it holds anything."""
        return self._kept

    @property
    def kept_tokens(self) -> int:
        return sum(map(len, self._kept.values()))

    @property
    def saved_bytes(self) -> int:
        return sum(len(saved.state) for saved in self._saved)

    @property
    def saves(self) -> bool:
        """Whether there is any room to save to."""
        return self._budget > 0

    def find(self, prompt: Tokens, running: Iterable[tuple[int, Tokens]]) -> Match:
        """The longest prefix of ``prompt`` that is held, of ``running`` slots what they have computed included.

        At least one token is left over: without computing one there are no logits. Of equals a free slot is best,
        which need not be copied.
        """
        prompt = prompt[:-1]
        best = Match(0)
        for slot, tokens in reversed(self._kept.items()):
            best = _longer(best, Match(common_prefix(prompt, tokens), slot=slot))
        for slot, tokens in running:
            best = _longer(best, Match(common_prefix(prompt, tokens), slot=slot))
        for saved in reversed(self._saved):
            best = _longer(best, Match(common_prefix(prompt, saved.tokens), saved=saved))
        return best

    def keep(self, slot: int, tokens: Tokens) -> None:
        """A free slot holds ``tokens`` from now on."""
        self._kept[slot] = tokens
        self._kept.move_to_end(slot)

    def take(self, slot: int) -> Tokens | None:
        """A slot is in use again, or empty; returns what it held."""
        return self._kept.pop(slot, None)

    def oldest(self) -> int | None:
        """The slot whose tokens were used longest ago."""
        return next(iter(self._kept), None)

    def is_saved(self, tokens: Tokens) -> bool:
        """Whether all of ``tokens`` can be had from memory."""
        return any(common_prefix(saved.tokens, tokens) == len(tokens) for saved in self._saved)

    def save(self, tokens: Tokens, state: memoryview) -> None:
        """Remember the KV of ``tokens``; it replaces that of its own beginnings, and then whatever is oldest."""
        self._saved = [saved for saved in self._saved if common_prefix(saved.tokens, tokens) < len(saved.tokens)]
        self._saved.append(Saved(tokens, state))
        while self.saved_bytes > self._budget:
            del self._saved[0]

    def touch(self, saved: Saved) -> None:
        """It was used just now."""
        self._saved = [*(other for other in self._saved if other is not saved), saved]

    def clear_slots(self) -> None:
        """The KV cache is empty; what was saved is not touched by that."""
        self._kept.clear()


def _longer(one: Match, other: Match) -> Match:
    return other if other.length > one.length else one
