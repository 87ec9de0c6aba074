"""Proposals for the next tokens of an answer, from earlier tokens of the same chat. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

SHORTEST: Final = 3
"""Minimum number of newest tokens that must have occurred before, in the same order."""

LONGEST: Final = 32
"""Number of newest tokens that are compared at most. A longer match predicts no better."""

CANDIDATES: Final = 16
"""Number of earlier occurrences that are compared, the newest first."""

Gram = tuple[int, ...]


class Proposal(NamedTuple):
    """Tokens that may come next. ``matched``: number of tokens before them that agree with the earlier place, up to
    ``LONGEST``; 0: nothing is proposed."""

    matched: int
    tokens: tuple[int, ...]


NOTHING: Final = Proposal(0, ())


class NgramProposer:
    """Index of one chat's tokens by ``SHORTEST`` tokens in a row. Owned by the worker's thread.

    It proposes what followed the longest match of the newest tokens, and of equally long ones the newest. Where a text
    is copied or repeated, this is mostly right.
    """

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._newest: dict[Gram, int] = {}
        """Position after the newest occurrence of each gram."""
        self._before: list[int] = []
        """For the gram that ends before each position: the position after the occurrence before it; 0: none."""

    def __len__(self) -> int:
        """Return the number of tokens in the index."""
        return len(self._tokens)

    def extend(self, tokens: Sequence[int]) -> None:
        """Append tokens. Takes about a microsecond for each."""
        own, newest, before = self._tokens, self._newest, self._before
        start = len(own)
        own.extend(tokens)
        if len(tokens) == 1 and len(own) >= SHORTEST:  # the usual case, in few operations
            gram: Gram = tuple(own[-SHORTEST:])
            before.append(newest.get(gram, 0))
            newest[gram] = len(own)
            return
        before += [0] * (min(SHORTEST - 1, len(own)) - start)
        first = max(start - SHORTEST + 1, 0)
        grams = zip(*(own[first + shift :] for shift in range(SHORTEST)), strict=False)
        for end, gram in enumerate(grams, start=first + SHORTEST):
            before.append(newest.get(gram, 0))
            newest[gram] = end

    @property
    def matches(self) -> bool:
        """True when the newest tokens occurred before."""
        return bool(self._before) and self._before[-1] > 0

    def propose(self, count: int) -> Proposal:
        """Return ``count`` tokens that may come next. A repetition that reaches the end is continued."""
        matched, place = self._longest()
        if count < 1 or not matched:
            return NOTHING
        own, proposed = self._tokens, list[int]()
        for at in range(place, place + count):
            proposed.append(own[at] if at < len(own) else proposed[at - len(own)])
        return Proposal(matched, tuple(proposed))

    def _longest(self) -> tuple[int, int]:
        """Return the length of the longest match and the position after it; 0 without one."""
        own = self._tokens
        best, best_place = 0, 0
        place = self._before[-1] if own else 0
        for _ in range(CANDIDATES):
            if not place or best == LONGEST:
                break
            length = _agreement(own, place)
            if length > best:
                best, best_place = length, place
            place = self._before[place - 1]
        return best, best_place


def _agreement(tokens: Sequence[int], place: int) -> int:
    """Return how many tokens before ``place`` agree with the newest ones."""
    length, end = SHORTEST, len(tokens)
    while length < min(LONGEST, place) and tokens[place - length - 1] == tokens[end - length - 1]:
        length += 1
    return length
