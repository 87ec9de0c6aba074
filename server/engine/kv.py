"""The slots of the KV cache: placing a prompt so that as few tokens as possible must be computed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Final

from server.engine.base import Draft
from server.engine.draft_tails import DraftTails
from server.engine.kv_files import KvFiles
from server.engine.kv_unwritten import WORTH_WRITING, Unwritten
from server.engine.model import Model
from server.engine.prefix_cache import WORTH_MOVING, Match, PrefixCache, Saved
from server.engine.prefix_tree import Tokens, common_prefix

FLUSH_SECONDS: Final = 3.0
"""Longest time for which the end of the engine waits for chats to be written, in seconds."""


class KvSlots:
    """Manager of the KV slots, owned by the worker's thread. Only this class makes the model forget, copy or restore.

    The tokens of an ended generation stay in its slot until another generation needs it. They are then saved to RAM, up
    to ``saved_bytes`` in all; the oldest are dropped first. ``files``: the place on disk for those that wait, if any.

    A free slot may also have a tail: tokens of a draft, after those that the slot keeps, or all tokens of a temporary
    generation. Only prompts of the tail's owner reuse it. It is never saved to RAM or disk, and is dropped first when
    room is needed.
    """

    def __init__(self, model: Model, *, saved_bytes: int, files: KvFiles | None = None) -> None:
        self._model = model
        self._cache = PrefixCache(budget=saved_bytes)
        self._tails = DraftTails()
        self._files = files
        self._unwritten = Unwritten()
        """Tokens that were not yet offered to ``files``."""

    @property
    def kept_tokens(self) -> int:
        return self._cache.kept_tokens

    @property
    def saved_bytes(self) -> int:
        return self._cache.saved_bytes

    @property
    def drafted(self) -> Mapping[str, int]:
        """Number of tokens of each draft that are in a slot, by the draft's key."""
        return self._tails.lengths

    def place(
        self,
        prompt: Tokens,
        free: Collection[int],
        running: Mapping[int, Tokens],
        principal: str = "",
        *,
        whole: bool = False,
    ) -> tuple[int, int]:
        """Choose one of the ``free`` slots for a ``prompt`` of ``principal``. Returns it and the number of tokens that
        it already has.

        ``running``: the slots in use, with their computed tokens. ``whole``: cut no tokens off, if there is another
        free slot.
        """
        match = self._with_files(prompt, self._cache.find(prompt, running.items()))
        match = self._tails.longer(match, prompt[:-1], principal)
        if match.slot is not None and match.slot in free and self._continues(match.slot, match.length, whole):
            self._take(match.slot)
            return match.slot, self.rewind(match.slot, match.length)
        self._cache.touch(match.saved)
        slot = self._free_slot(free, match)
        return slot, self._fill(slot, match)

    def place_draft(self, draft: Draft, tokens: Tokens) -> tuple[int, int] | None:
        """Choose a slot for the ``tokens`` of a draft, while all slots are free. Returns it and the number of tokens
        that it already has; None if other tokens would be lost."""
        own = self._tails.slot(draft.key)
        if own is not None and self._keep_tail(own, draft, tokens):
            return own, self._held(own)
        match = self._with_files(tokens, self._cache.find(tokens, ()))
        slot = match.slot
        if slot is not None and self._tails.tokens(slot) is None and self._continues(slot, match.length):
            length = self._keep_first(slot, match.length)
        elif (slot := self._slot_for_draft(match)) is None:
            return None
        else:
            self._cache.touch(match.saved)
            length = self._fill(slot, match)
        self._tails.put(slot, draft, tokens[:length])
        return slot, length

    def advance_draft(self, slot: int, draft: Draft, tokens: Tokens) -> None:
        """Record that the slot of a draft now has ``tokens``."""
        self._tails.put(slot, draft, tokens)

    def rewind_draft(self, slot: int) -> None:
        """Undo a step that was not completed."""
        tokens = self._tails.tokens(slot)
        if tokens is not None and self.rewind(slot, len(tokens)) < len(tokens):
            self._take(slot)

    def forget_draft(self, key: str) -> None:
        """Drop the tail of the draft with this key, if there is one."""
        if (slot := self._tails.slot(key)) is not None:
            self._drop_tail(slot)

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

    def release(self, slot: int, tokens: Tokens, only_for: str | None = None) -> None:
        """Record that a generation left ``slot`` with ``tokens``; the cells after them are freed.

        ``only_for``: the only principal that may reuse the tokens, which are then never saved; None: they are kept for
        all.
        """
        if self.rewind(slot, len(tokens)):
            if only_for is not None:
                return self._tails.put_temporary(slot, only_for, tokens)
            self._cache.keep(slot, tokens)
            if self._files is not None:
                self._unwritten.add(slot, tokens)

    def release_copy(self, slot: int, tokens: Tokens, others: Mapping[int, Tokens], only_for: str | None) -> None:
        """Record that a lookup left ``slot`` with ``tokens``; drop them if they are nearly all somewhere else.

        ``others`` and ``only_for``: as in ``extend`` and ``release``. Otherwise each lookup would take a further slot
        from the chats that are kept.
        """
        match = self._cache.find(tokens, others.items())
        if only_for is not None:
            match = self._tails.longer(match, tokens, only_for)
        if len(tokens) - match.length < WORTH_MOVING:
            self._model.forget(slot)
        else:
            self.release(slot, tokens, only_for)

    def rewind(self, slot: int, length: int) -> int:
        """Cut a slot back to its first ``length`` tokens. Returns the number left: 0 when the model can't cut it."""
        if self._model.forget(slot, length):
            return length
        self._model.forget(slot)
        return 0

    def evict(self) -> bool:
        """Drop a draft's tail, else the oldest kept tokens, from a shared KV cache. Returns False when there are
        none."""
        if (slot := next(iter(self._tails), None)) is not None:
            self._drop_tail(slot)
            return True
        slot = self._cache.oldest()
        if slot is not None:
            self._empty(slot)
        return slot is not None

    def gaps(self, free: Collection[int], context: int) -> dict[int, int]:
        """Return the free slots that may get a filler row, with the position that the row must have."""
        if self._model.shared:
            return {}
        lengths = {slot: self._held(slot) for slot in free}
        return {slot: length for slot, length in lengths.items() if length < context}

    def tidy(self, filled: Collection[int]) -> None:
        """Remove the filler rows again."""
        for slot in filled:
            if not self._model.forget(slot, self._held(slot)):
                self._take(slot)
                self._model.forget(slot)

    @property
    def unwritten(self) -> bool:
        """True while something that can be written to disk waits for that."""
        return self._unwritten.newest(self._has_no_tail) is not None

    def write_one(self) -> None:
        """Start to write the newest chat that is not on disk, unless another one is being written."""
        if self._files is None or not self._files.idle:
            return
        place = self._unwritten.newest(self._has_no_tail)
        tokens = None if place is None else self._unwritten.pop(place)
        if place is None or tokens is None:
            return
        if state := self._model.save(place) if isinstance(place, int) else place.state:
            self._files.write(tokens, state)

    def close(self) -> None:
        """Write what is not on disk yet, the newest first, for at most ``FLUSH_SECONDS``."""
        if self._files is None:
            return
        for slot in [*self._tails]:
            self._drop_tail(slot)
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
        self._tails.clear()
        self._unwritten.slots_lost()

    def _with_files(self, prompt: Tokens, match: Match) -> Match:
        """Return a longer match from the disk, if there is one that is worth reading, else ``match``."""
        if self._files is None:
            return match
        length, file = self._files.longest(prompt[:-1])
        if file is None or length - match.length < WORTH_WRITING:
            return match
        state = self._files.read(file)
        return match if state is None else Match(length, saved=Saved(file.tokens, state))

    def _continues(self, slot: int, length: int, whole: bool = False) -> bool:
        """Tell whether the slot can continue after ``length`` tokens without losing tokens worth saving. ``whole``:
        without losing any."""
        return self._kept(slot) - length < (1 if whole else WORTH_MOVING)

    def _free_slot(self, free: Collection[int], match: Match) -> int:
        """Return the lowest empty slot, else the one used longest ago, after saving its tokens. A draft's tail is kept
        as long as other tokens can be saved."""
        empty = [slot for slot in free if not self._held(slot)]
        if empty:
            return min(empty)
        kept = [slot for slot in self._cache.kept if self._tails.tokens(slot) is None]
        used: list[int] = [*kept, *self._tails] if self._cache.saves else [*self._tails, *kept]
        slot = next(slot for slot in used if slot in free and (slot != match.slot or len(free) == 1))
        self._drop_tail(slot)
        tokens = self._cache.kept.get(slot)
        if tokens is None:
            return slot
        if self._cache.saves and len(tokens) >= WORTH_MOVING and not self._cache.is_saved(tokens):
            if state := self._model.save(slot):
                self._cache.save(saved := Saved(tokens, state))
                self._unwritten.moved(slot, saved, self._cache.has)
        if slot != match.slot:
            self._empty(slot)
        return slot

    def _slot_for_draft(self, match: Match) -> int | None:
        """Return a slot for a draft, as ``_free_slot`` does, but never one with tokens that can't be saved."""
        every = range(self._model.slots)
        if self._cache.saves or not all(self._held(slot) for slot in every):
            return self._free_slot(every, match)
        return next((slot for slot in self._tails if self._kept(slot) < WORTH_MOVING), None)

    def _held(self, slot: int) -> int:
        """Return the number of tokens in a free slot, with those of a draft."""
        tail = self._tails.tokens(slot)
        return self._kept(slot) if tail is None else len(tail)

    def _kept(self, slot: int) -> int:
        return len(self._cache.kept.get(slot, ()))

    def _has_no_tail(self, slot: int) -> bool:
        """Tell whether a free slot has nothing but what it keeps, so that it can be written to disk."""
        return self._tails.tokens(slot) is None

    def _keep_tail(self, slot: int, draft: Draft, tokens: Tokens) -> bool:
        """Cut the tail of a changed draft to what still agrees. Returns False when the tail had to be dropped."""
        tail = self._tails.tokens(slot)
        length = 0 if tail is None else common_prefix(tail, tokens)
        if length < max(1, self._kept(slot)):
            self._drop_tail(slot)
            return False
        if self.rewind(slot, length) < length:
            self._take(slot)
            return False
        self._tails.put(slot, draft, tokens[:length])
        return True

    def _drop_tail(self, slot: int) -> None:
        kept = self._kept(slot)
        if self._tails.drop(slot) and self.rewind(slot, kept) < kept:
            self._take(slot)

    def _keep_first(self, slot: int, length: int) -> int:
        """Cut a free slot to its first ``length`` tokens. Returns the number left, as ``rewind``."""
        unwritten = slot in self._unwritten
        tokens = self._cache.kept[slot]
        self._take(slot)
        if left := self.rewind(slot, length):
            self._cache.keep(slot, tokens[:left])
            if unwritten:
                self._unwritten.add(slot, tokens[:left])
        return left

    def _fill(self, slot: int, match: Match) -> int:
        """Replace what is in a free slot by the tokens of ``match``. Returns the number of tokens now there."""
        if match.length < WORTH_MOVING or (match.slot == slot and self._held(slot) < match.length):
            self._empty(slot)
            return 0
        return self._bring(match, slot)

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
        self._tails.drop(slot)
        self._unwritten.pop(slot)

    def _empty(self, slot: int) -> None:
        self._take(slot)
        self._model.forget(slot)
