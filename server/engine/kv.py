"""The slots of the KV cache: how a prompt gets into one with as little to compute as can be."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from server.engine.model import Model
from server.engine.prefix_cache import WORTH_MOVING, Match, PrefixCache, Tokens


class KvSlots:
    """Owned by the worker's thread. Nobody else makes the model forget, copy or restore anything.

    What an ended generation has computed stays in its slot until somebody else needs the slot; then it is saved to
    plain memory, as long as ``saved_bytes`` allow, the oldest going first.
    """

    def __init__(self, model: Model, *, saved_bytes: int) -> None:
        self._model = model
        self._cache = PrefixCache(budget=saved_bytes)

    @property
    def kept_tokens(self) -> int:
        return self._cache.kept_tokens

    @property
    def saved_bytes(self) -> int:
        return self._cache.saved_bytes

    def place(self, prompt: Tokens, free: Collection[int], running: Mapping[int, Tokens]) -> tuple[int, int]:
        """Choose one of the ``free`` slots for ``prompt``; returns it and how many of the tokens it holds already.

        ``running`` are the slots in use and what they have computed.
        """
        match = self._cache.find(prompt, running.items())
        if match.slot is not None and match.slot in free and self._continues(match.slot, match.length):
            self._cache.take(match.slot)
            return match.slot, self._cut(match.slot, match.length)
        if match.saved is not None:
            self._cache.touch(match.saved)
        slot = self._free_slot(free, match)
        if match.length < WORTH_MOVING:
            self._empty(slot)
            return slot, 0
        return slot, self._bring(match, slot)

    def release(self, slot: int, tokens: Tokens) -> None:
        """A generation has left ``slot``, which holds ``tokens``; what is behind them is of no use to anybody."""
        if self._cut(slot, len(tokens)):
            self._cache.keep(slot, tokens)

    def rewind(self, slot: int, length: int) -> int:
        """Cut a slot back to its first ``length`` tokens; returns how many are left, which is none where it can't be
        cut."""
        return self._cut(slot, length)

    def evict(self) -> bool:
        """Make room in a shared KV cache; False when nothing is kept there."""
        slot = self._cache.oldest()
        if slot is not None:
            self._empty(slot)
        return slot is not None

    def gaps(self, free: Collection[int], context: int) -> dict[int, int]:
        """Free slots that may take a row for the sake of their place, and the position it has to have."""
        if self._model.shared:
            return {}
        lengths = {slot: len(self._cache.kept.get(slot, ())) for slot in free}
        return {slot: length for slot, length in lengths.items() if length < context}

    def tidy(self, filled: Collection[int]) -> None:
        """Take back the rows that filled gaps."""
        for slot in filled:
            if not self._model.forget(slot, len(self._cache.kept.get(slot, ()))):
                self._cache.take(slot)
                self._model.forget(slot)

    def shift(self, slot: int, start: int, count: int) -> bool:
        """Push ``count`` tokens from position ``start`` on out of a slot; False where the model can't."""
        return self._model.shift(slot, start, count)

    def lost(self) -> None:
        """The model has begun anew with empty slots."""
        self._cache.clear_slots()

    def _continues(self, slot: int, length: int) -> bool:
        """Whether the slot can go on behind ``length`` tokens: nothing that is worth saving would be cut off."""
        return len(self._cache.kept[slot]) - length < WORTH_MOVING

    def _free_slot(self, free: Collection[int], match: Match) -> int:
        """The lowest slot that holds nothing, else the one used longest ago, whose tokens are saved."""
        empty = [slot for slot in free if slot not in self._cache.kept]
        if empty:
            return min(empty)
        slot = next(slot for slot in self._cache.kept if slot in free and (slot != match.slot or len(free) == 1))
        tokens = self._cache.kept[slot]
        if self._cache.saves and len(tokens) >= WORTH_MOVING and not self._cache.is_saved(tokens):
            if state := self._model.save(slot):
                self._cache.save(tokens, state)
        if slot != match.slot:
            self._empty(slot)
        return slot

    def _bring(self, match: Match, slot: int) -> int:
        """Get what ``match`` has found into ``slot``; returns how many tokens are there."""
        self._cache.take(slot)
        if match.saved is not None:
            if not self._model.restore(slot, match.saved.state):
                return self._cut(slot, 0)
        elif match.slot is not None and match.slot != slot:
            if not self._model.copy(match.slot, slot):
                return self._cut(slot, 0)
        return self._cut(slot, match.length)

    def _cut(self, slot: int, length: int) -> int:
        if self._model.forget(slot, length):
            return length
        self._model.forget(slot)
        return 0

    def _empty(self, slot: int) -> None:
        self._cache.take(slot)
        self._model.forget(slot)
