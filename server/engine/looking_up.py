"""Lookups in the batch: when they get a slot, and what they answer. Runs on the worker's thread only."""

from __future__ import annotations

import itertools
import time

from server.engine.base import EngineDeadError, EngineError, GenerationRequest, Lookup, SamplingParams
from server.engine.kv import KvSlots
from server.engine.model import Model, SamplerError
from server.engine.scheduler import Scheduler
from server.engine.sequence import Sequence

SHORT_OF_ROOM = "the KV cache has no room for it now; ask again when fewer answers are being written"


class LookingUp:
    """Answers the lookups among the sequences of ``scheduler``. Owns no sequence: they are the batcher's."""

    def __init__(self, model: Model, scheduler: Scheduler, kv: KvSlots) -> None:
        self._model = model
        self._scheduler = scheduler
        self._kv = kv
        self._numbers = itertools.count()

    def sequence(self, lookup: Lookup) -> Sequence:
        """Return the sequence of a new lookup."""
        request = GenerationRequest(
            id=f"\0{next(self._numbers)}",  # no generation has such an id
            prompt=(*lookup.prompt, *lookup.written),
            sampling=SamplingParams(),
            received=time.monotonic(),
            principal=lookup.principal,
            temporary=lookup.temporary,
        )
        return Sequence(request, self._model.facts.context, lookup)

    def may_start(self, sequence: Sequence) -> bool:
        """Tell whether a waiting sequence may get a slot: of lookups, one at a time."""
        return sequence.lookup is None or not self._scheduler.looking

    def end_abandoned(self) -> None:
        """End the lookups whose answers were cancelled."""
        for sequence in [*self._scheduler]:
            if sequence.lookup is not None and sequence.lookup.answer.cancelled():
                self.end(sequence, SHORT_OF_ROOM)

    def give_way(self) -> None:
        """Take the slot of the running lookup for a generation that waits for one. What was read stays there."""
        if self._scheduler.free or not self._scheduler.queued:
            return
        for sequence in self._scheduler.looking:
            self.send_back(sequence)

    def send_back(self, sequence: Sequence) -> None:
        """Put a running lookup back into the queue."""
        self._leave_slot(sequence)
        self._scheduler.send_back(sequence)

    def answer(self, sequence: Sequence, output: int) -> None:
        """Answer a lookup from the last batch's ``output``-th row with logits."""
        lookup = sequence.lookup
        assert lookup is not None
        try:
            likely = self._model.likeliest(output, lookup.chosen, lookup.count)
        except SamplerError as error:
            return self.end(sequence, str(error))
        self._remove(sequence)
        lookup.succeed(likely)

    def end(self, sequence: Sequence, error: str) -> None:
        """End a lookup without an answer."""
        assert sequence.lookup is not None
        self._remove(sequence)
        sequence.lookup.fail(EngineError(error))

    def fail_all(self, error: str) -> None:
        """End all lookups without touching the model, which has failed."""
        for sequence in self._scheduler:
            if sequence.lookup is not None:
                sequence.lookup.fail(EngineDeadError(error))

    def _remove(self, sequence: Sequence) -> None:
        if sequence.slot is not None:
            self._leave_slot(sequence)
        self._scheduler.remove(sequence)

    def _leave_slot(self, sequence: Sequence) -> None:
        assert sequence.slot is not None
        others = self._scheduler.reusable(sequence, without=[sequence])
        self._kv.release_copy(sequence.slot, sequence.reusable, others, sequence.request.only_for)
