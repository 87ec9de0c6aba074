"""Chats of the KV cache that wait to be written to disk. Pure bookkeeping: kv.py writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from server.engine.prefix_cache import Saved
from server.engine.prefix_tree import Tokens

WORTH_WRITING: Final = 64
"""Minimum number of tokens that are kept on disk. Fewer are computed again in a few steps."""

MOST_UNWRITTEN: Final = 256
"""Number of chats that may wait to be written to disk. Beyond it the oldest ones are not written."""

Place = int | Saved
"""A free slot, or a state saved in RAM."""


class Unwritten:
    """Owns the waiting tokens, by their places; the newest last."""

    def __init__(self) -> None:
        self._waiting: dict[Place, Tokens] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, place: Place) -> bool:
        return place in self._waiting

    @property
    def tokens(self) -> list[Tokens]:
        """All waiting tokens."""
        return [*self._waiting.values()]

    def add(self, slot: int, tokens: Tokens) -> None:
        """Let the tokens of a free slot wait, if they are worth it."""
        if len(tokens) >= WORTH_WRITING:
            self._waiting[slot] = tokens

    def moved(self, slot: int, saved: Saved, is_in_ram: Callable[[Saved], bool]) -> None:
        """Record that the tokens of a slot are saved now.

        Leaves out states that are no longer in RAM, and the oldest of too many.
        """
        if slot not in self._waiting:
            return
        self._waiting[saved] = self._waiting.pop(slot)
        there = {place: t for place, t in self._waiting.items() if isinstance(place, int) or is_in_ram(place)}
        self._waiting = dict([*there.items()][-MOST_UNWRITTEN:])

    def newest(self, is_writable: Callable[[int], bool]) -> Place | None:
        """Return the newest place whose tokens can be written; a slot only if it ``is_writable``."""
        there = (p for p in reversed(self._waiting) if not isinstance(p, int) or is_writable(p))
        return next(there, None)

    def pop(self, place: Place) -> Tokens | None:
        """Record that the tokens of this place don't wait any more. Returns them."""
        return self._waiting.pop(place, None)

    def slots_lost(self) -> None:
        """Record that all slots are empty."""
        self._waiting = {place: tokens for place, tokens in self._waiting.items() if isinstance(place, Saved)}
