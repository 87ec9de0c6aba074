"""The slots of the KV cache: placing a prompt so that as few tokens as possible must be computed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Final

from server.engine.kv_files import KvFiles
from server.engine.model import Model
from server.engine.prefix_cache import WORTH_MOVING, Match, PrefixCache, Saved
from server.engine.prefix_tree import Tokens

WORTH_WRITING: Final = 64
"""Minimum number of tokens that are kept on disk. Fewer are computed again in a few steps."""

MOST_UNWRITTEN: Final = 256
"""Number of chats that may wait to be written to disk. Beyond it the oldest ones are not written."""

FLUSH_SECONDS: Final = 3.0
"""Longest time for which the end of the engine waits for chats to be written, in seconds."""


class KvSlots:
    """Manager of the KV slots, owned by the worker's thread. Only this class makes the model forget, copy or restore.

    The tokens of an ended generation stay in its slot until another generation needs it. They are then saved to RAM, up
    to ``saved_bytes`` in all; the oldest are dropped first. ``files``: the place on disk for those that wait, if any.
    """

    def __init__(self, model: Model, *, saved_bytes: int, files: KvFiles | None = None) -> None:
        self._model = model
        self._cache = PrefixCache(budget=saved_bytes)
        self._files = files
        self._unwritten: dict[int | Saved, Tokens] = {}
        """Tokens in free slots, and saved ones, that were not yet offered to ``files``; the newest last."""

    @property
    def kept_tokens(self) -> int:
        return self._cache.kept_tokens

    @property
    def saved_bytes(self) -> int:
        return self._cache.saved_bytes

    def place(self, prompt: Tokens, free: Collection[int], running: Mapping[int, Tokens]) -> tuple[int, int]:
        """Choose one of the ``free`` slots for ``prompt``. Returns it and the number of tokens that it already has.

        ``running``: the slots in use, with their computed tokens.
        """
        match = self._with_files(prompt, self._cache.find(prompt, running.items()))
        if match.slot is not None and match.slot in free and self._continues(match.slot, match.length):
            self._take(match.slot)
            return match.slot, self.rewind(match.slot, match.length)
        self._cache.touch(match.saved)
        slot = self._free_slot(free, match)
        if match.length < WORTH_MOVING:
            self._empty(slot)
            return slot, 0
        return slot, self._bring(match, slot)

    def extend(self, slot: int, held: int, prompt: Tokens, others: Mapping[int, Tokens]) -> int:
        """Replace the ``held`` tokens of a slot in use with a longer prefix of ``prompt``, if there is one.

        ``others``: the other slots in use, with their computed tokens. Returns the number of tokens now in the slot.
        """
        match = self._cache.find(prompt, others.items())
        if match.length - held < WORTH_MOVING:
            return held
        self._cache.touch(match.saved)
        self._model.forget(slot)
        return self._bring(match, slot)

    def release(self, slot: int, tokens: Tokens) -> None:
        """Record that a generation left ``slot`` with ``tokens``; the cells after them are freed."""
        if self.rewind(slot, len(tokens)):
            self._cache.keep(slot, tokens)
            if self._files is not None and len(tokens) >= WORTH_WRITING:
                self._unwritten[slot] = tokens

    def rewind(self, slot: int, length: int) -> int:
        """Cut a slot back to its first ``length`` tokens. Returns the number left: 0 when the model can't cut it."""
        if self._model.forget(slot, length):
            return length
        self._model.forget(slot)
        return 0

    def evict(self) -> bool:
        """Drop the oldest kept tokens from a shared KV cache. Returns False when none are kept."""
        slot = self._cache.oldest()
        if slot is not None:
            self._empty(slot)
        return slot is not None

    def gaps(self, free: Collection[int], context: int) -> dict[int, int]:
        """Return the free slots that may get a filler row, with the position that the row must have."""
        if self._model.shared:
            return {}
        lengths = {slot: len(self._cache.kept.get(slot, ())) for slot in free}
        return {slot: length for slot, length in lengths.items() if length < context}

    def tidy(self, filled: Collection[int]) -> None:
        """Remove the filler rows again."""
        for slot in filled:
            if not self._model.forget(slot, len(self._cache.kept.get(slot, ()))):
                self._take(slot)
                self._model.forget(slot)

    @property
    def unwritten(self) -> bool:
        """True while something waits to be written to disk."""
        return bool(self._unwritten)

    def write_one(self) -> None:
        """Start to write the newest chat that is not on disk, unless another one is being written."""
        if self._files is None or not self._files.idle:
            return
        place, tokens = self._unwritten.popitem()
        state = self._model.save(place) if isinstance(place, int) else place.state
        if state:
            self._files.write(tokens, state)

    def close(self) -> None:
        """Write what is not on disk yet, the newest first, for at most ``FLUSH_SECONDS``."""
        if self._files is None:
            return
        end = time.monotonic() + FLUSH_SECONDS
        while self._unwritten and (left := end - time.monotonic()) > 0:
            self._files.wait(left)
            if not self._files.idle:
                break
            self.write_one()
        self._files.close()

    def shift(self, slot: int, start: int, count: int) -> bool:
        """Drop ``count`` tokens of a slot, starting at position ``start``. Returns False when the model can't."""
        return self._model.shift(slot, start, count)

    def lost(self) -> None:
        """Record that the model was reset and all slots are empty."""
        self._cache.clear_slots()
        self._unwritten = {place: tokens for place, tokens in self._unwritten.items() if isinstance(place, Saved)}

    def _with_files(self, prompt: Tokens, match: Match) -> Match:
        """Return a longer match from the disk, if there is one that is worth reading, else ``match``."""
        if self._files is None:
            return match
        length, file = self._files.longest(prompt[:-1])
        if file is None or length - match.length < WORTH_WRITING:
            return match
        state = self._files.read(file)
        return match if state is None else Match(length, saved=Saved(file.tokens, state))

    def _limit_unwritten(self) -> None:
        """Leave out states that are no longer in RAM, and the oldest of too many."""
        there = {place: t for place, t in self._unwritten.items() if isinstance(place, int) or self._cache.has(place)}
        self._unwritten = dict([*there.items()][-MOST_UNWRITTEN:])

    def _continues(self, slot: int, length: int) -> bool:
        """Tell whether the slot can continue after ``length`` tokens without losing tokens worth saving."""
        return len(self._cache.kept[slot]) - length < WORTH_MOVING

    def _free_slot(self, free: Collection[int], match: Match) -> int:
        """Return the lowest empty slot, else the one used longest ago, after saving its tokens."""
        empty = [slot for slot in free if slot not in self._cache.kept]
        if empty:
            return min(empty)
        slot = next(slot for slot in self._cache.kept if slot in free and (slot != match.slot or len(free) == 1))
        tokens = self._cache.kept[slot]
        if self._cache.saves and len(tokens) >= WORTH_MOVING and not self._cache.is_saved(tokens):
            if state := self._model.save(slot):
                self._cache.save(saved := Saved(tokens, state))
                if slot in self._unwritten:
                    self._unwritten[saved] = self._unwritten.pop(slot)
                    self._limit_unwritten()
        if slot != match.slot:
            self._empty(slot)
        return slot

    def _bring(self, match: Match, slot: int) -> int:
        """Move the tokens of ``match`` into ``slot``. Returns the number of tokens now there."""
        self._take(slot)
        if match.saved is not None:
            if not self._model.restore(slot, match.saved.state):
                return self.rewind(slot, 0)
        elif match.slot is not None and match.slot != slot:
            if not self._model.copy(match.slot, slot):
                return self.rewind(slot, 0)
        return self.rewind(slot, match.length)

    def _take(self, slot: int) -> None:
        self._cache.take(slot)
        self._unwritten.pop(slot, None)

    def _empty(self, slot: int) -> None:
        self._take(slot)
        self._model.forget(slot)
