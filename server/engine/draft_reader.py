"""Reading of drafts into the KV cache, one chunk at a time. Runs on the worker's thread only."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from server.engine.base import Draft, GenerationRequest
from server.engine.drafts import LEAST_UNREAD, Drafts
from server.engine.kv import KvSlots
from server.engine.model import DecodeError, DecodeOutcome, Model, Row
from server.engine.step_planner import StepPlanner

logger = logging.getLogger(__name__)


class DraftStep(NamedTuple):
    """A step that reads the ``draft`` up to its first ``end`` tokens."""

    draft: Draft
    end: int

    def is_part_of(self, request: GenerationRequest) -> bool:
        """Tell whether ``request`` would compute the same tokens, so that it gains by the step's end."""
        mine = request.principal == self.draft.principal and request.model == self.draft.model
        return mine and len(request.prompt) > self.end and request.prompt[: self.end] == self.draft.tokens[: self.end]


class DraftReader:
    """Owns the drafts. It computes only while no sequence runs or waits, so every slot is free."""

    def __init__(self, model: Model, kv: KvSlots, planner: StepPlanner) -> None:
        self._model = model
        self._kv = kv
        self._planner = planner
        self._drafts = Drafts()
        self._forgotten: list[str] = []
        """Keys whose tokens are dropped once the requests submitted before have a slot."""
        self.tokens = 0
        """Number of tokens that were read."""
        self.running: DraftStep | None = None
        """The step that is computed. Other threads read it."""

    @property
    def idle(self) -> bool:
        """True when there is nothing to read and nothing to drop."""
        return not self._forgotten and self._drafts.next(self._kv.drafted) is None

    def put(self, draft: Draft) -> None:
        """Read this draft in place of the one with the same key. What agrees with it stays in the KV cache."""
        if draft.key in self._forgotten:
            self._forgotten.remove(draft.key)
        if (dropped := self._drafts.put(draft)) is not None:
            self._forgotten.append(dropped)

    def forget(self, key: str) -> None:
        """Forget a draft. Its tokens stay in the KV cache until ``drop_forgotten``."""
        self._drafts.forget(key)
        self._forgotten.append(key)

    def drop_forgotten(self) -> None:
        """Drop the tokens of forgotten drafts. Call it when the waiting sequences have got the free slots."""
        while self._forgotten:
            self._kv.forget_draft(self._forgotten.pop())

    def step(self, interrupted: Callable[[], bool]) -> bool:
        """Read the next chunk of the newest draft that is not read. Returns False when nothing was computed.

        ``interrupted``: tells whether something else must be done first.
        """
        started = time.perf_counter()
        draft = self._drafts.next(self._kv.drafted)
        if draft is None:
            return False
        tokens, before = self._drafts.tokens(draft), {*self._kv.drafted}
        placed = self._kv.place_draft(draft, tokens)
        self._drafts.placed(draft.key)
        for key in before - {*self._kv.drafted, draft.key}:  # the newer draft took its slot
            self._drafts.abandon(key)
        if placed is None:
            self._drafts.abandon(draft.key)
            return False
        slot, computed = placed
        count = self._chunk(len(tokens) - computed)
        if not count or not self._compute(draft, slot, range(computed, computed + count), interrupted):
            return False
        self._kv.advance_draft(slot, draft, tokens[: computed + count])
        self._planner.learn_reading(count, time.perf_counter() - started)
        self.tokens += count
        return True

    def _chunk(self, unread: int) -> int:
        """Return the number of tokens to read next. No chunk leaves a last token that would be read alone."""
        if unread < LEAST_UNREAD:
            return 0
        count = min(unread, self._planner.draft_chunk)
        return count - 1 if unread - count == 1 and count > LEAST_UNREAD else count

    def _compute(self, draft: Draft, slot: int, positions: range, interrupted: Callable[[], bool]) -> bool:
        """Read the tokens at these positions. Returns False when they were not computed."""
        self.running = DraftStep(draft, positions.stop)
        try:
            return not interrupted() and self._decode(draft, slot, positions)
        finally:
            self.running = None

    def _decode(self, draft: Draft, slot: int, positions: range) -> bool:
        try:
            outcome = self._model.decode([Row(draft.tokens[at], slot, at, False) for at in positions])
        except DecodeError as error:
            logger.warning("a draft was not read: %s", error)
            self._drafts.abandon(draft.key)
            self._model.reset()
            self._kv.lost()
            return False
        if outcome is DecodeOutcome.COMPUTED:
            return True
        self._kv.rewind_draft(slot)
        if outcome is DecodeOutcome.NO_SLOT:
            self._drafts.abandon(draft.key)
        return False
