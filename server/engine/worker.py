"""The engine's one thread: take the inbox, schedule, decode, hand over, again."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass

from server.engine.base import (
    EngineDeadError,
    EngineStats,
    FinishReason,
    GenerationRequest,
    Listener,
    ModelFacts,
    Phase,
    Prefill,
    Queued,
    Update,
)
from server.engine.model import DecodeError, Model, Outcome
from server.engine.scheduler import Plan, Scheduler, Share
from server.engine.sequence import Sequence

PREFILL_CHUNK = 128
"""Tokens of prompts in one step. Short enough for a running answer to go on in between, long enough for full speed."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Cancel:
    id: str
    received: float


class _Close:
    """The last entry of the inbox: none is taken after it."""


_Command = GenerationRequest | _Cancel | _Close


class BatchingEngine:
    """The Engine port over a Model, by continuous batching in a thread of its own.

    The thread owns the model, the scheduler and every sequence. Other threads reach it through the inbox alone, and
    through ``model.abort``, which makes a decode in progress give up.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._scheduler = Scheduler(slots=model.slots, chunk=min(PREFILL_CHUNK, model.batch_tokens - model.slots))
        self._thread = threading.Thread(target=self._main, name="engine", daemon=True)
        self._wake = threading.Condition()
        self._inbox: deque[_Command] = deque()
        self._failure: str | None = None
        self._refusal: str | None = None
        """Why nothing is taken any more; guarded by the condition's lock, like the inbox."""
        self._abortable: frozenset[str] = frozenset()
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._listener: Listener = lambda updates: None

    # The Engine port, for any thread.

    @property
    def facts(self) -> ModelFacts:
        return self._model.facts

    @property
    def slots(self) -> int:
        return self._model.slots

    def start(self, listener: Listener) -> None:
        self._listener = listener
        self._thread.start()

    def tokenize(self, text: str) -> list[int]:
        return self._model.tokenize(text)

    def submit(self, request: GenerationRequest) -> None:
        self._put(request)

    def cancel(self, id: str, received: float) -> None:
        try:
            self._put(_Cancel(id, received))
        except EngineDeadError:
            return
        if id in self._abortable:
            self._model.abort()

    def stats(self) -> EngineStats:
        running = self._scheduler.running
        return EngineStats(
            alive=self._thread.is_alive() and self._failure is None,
            failure=self._failure,
            slots=self.slots,
            running=len(running),
            queued=len(self._scheduler.waiting) + sum(isinstance(c, GenerationRequest) for c in tuple(self._inbox)),
            kv_tokens=sum(sequence.computed for sequence in running),
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
        )

    def close(self) -> None:
        with self._wake:
            self._refusal = self._refusal or "the server is shutting down"
            self._inbox.append(_Close())
            self._wake.notify()
        if self._thread.ident is not None:
            self._model.abort()
            self._thread.join()
        self._model.close()

    def _put(self, command: _Command) -> None:
        with self._wake:
            if self._refusal is not None:
                raise EngineDeadError(self._refusal)
            self._inbox.append(command)
            self._wake.notify()

    # What follows runs on the engine's thread.

    def _main(self) -> None:
        try:
            self._serve()
        except Exception as error:  # whatever it was, nobody may be left waiting for an answer
            logger.exception("the engine's thread has died")
            self._fail(f"{type(error).__name__}: {error}")

    def _serve(self) -> None:
        while self._take_inbox():
            plan = self._schedule()
            if self._inbox:
                continue  # a cancel that came before its sequence could be aborted must not wait for this step
            if self._decode(plan):
                self._hand_over(self._advance(plan))

    def _take_inbox(self) -> bool:
        """Obey the commands that came; wait for one when there is nothing to compute. False: close was called.

        The abort is taken back before the inbox is read: a cancel that comes later sets it again.
        """
        self._model.rearm()
        with self._wake:
            while not self._inbox and self._scheduler.idle:
                self._wake.wait()
            commands, self._inbox = self._inbox, deque()
        for command in commands:
            if isinstance(command, _Close):
                self._end(list(self._scheduler), FinishReason.INTERRUPTED)
                return False
            if isinstance(command, _Cancel):
                self._cancel(command)
            else:
                self._add(command)
        return True

    def _add(self, request: GenerationRequest) -> None:
        """Queue a request; one that goes on may have written all it may, and ends at once."""
        sequence = Sequence(request, self.facts.context)
        for token in request.written:
            sequence.detokenizer.push(self._model.piece(token))
        self._scheduler.add(sequence)
        if request.written and sequence.exhausted:
            self._end([sequence], FinishReason.LENGTH)

    def _schedule(self) -> Plan:
        admitted = self._scheduler.admit(time.monotonic())
        news: list[Update] = [Prefill(sequence.id, 0, len(sequence.tokens)) for sequence in admitted]
        news.extend(self._moves())
        self._hand_over(news)
        plan = self._scheduler.plan()
        self._abortable = frozenset(
            share.sequence.id for share in plan.shares if share.count > 1 or len(plan.shares) == 1
        )
        return plan

    def _moves(self) -> list[Queued]:
        """Those who wait and whose place in the queue has changed."""
        moved = []
        for position, sequence in enumerate(self._scheduler.waiting, start=1):
            if sequence.position != position:
                sequence.position = position
                moved.append(Queued(sequence.id, position))
        return moved

    def _decode(self, plan: Plan) -> bool:
        """Compute the batch. False: it was aborted or it failed, and what it had begun is undone."""
        if not plan.rows:
            return False
        try:
            outcome = self._model.decode(plan.rows)
        except DecodeError as error:
            self._end([share.sequence for share in plan.shares], FinishReason.FAILED, str(error))
            return False
        if outcome is Outcome.NO_SLOT:
            self._end([plan.shares[-1].sequence], FinishReason.FAILED, "the KV cache is full")
        if outcome is not Outcome.COMPUTED:
            for share in plan.shares:
                self._rewind(share.sequence)
        return outcome is Outcome.COMPUTED

    def _rewind(self, sequence: Sequence) -> None:
        """Bring the KV cache back to what ``computed`` says; where the model can't, the sequence is read anew."""
        if sequence.slot is not None and not self._model.forget(sequence.slot, sequence.computed):
            self._model.forget(sequence.slot)
            sequence.computed = 0

    def _advance(self, plan: Plan) -> list[Update]:
        """Book what was computed, and choose the next token of each sequence that has come to its end."""
        updates: list[Update] = []
        for share in plan.shares:
            sequence = share.sequence
            sequence.computed += share.count
            if sequence.phase is Phase.PREFILL:
                self._prompt_tokens += share.count
                updates.append(Prefill(sequence.id, sequence.computed, len(sequence.tokens)))
            if share.complete:
                updates.extend(self._choose(share))
        return updates

    def _choose(self, share: Share) -> list[Update]:
        sequence = share.sequence
        if sequence.sampler is None:
            request = sequence.request
            sequence.sampler = self._model.sampler(request.sampling, request.prompt, request.written)
        token = sequence.sampler.sample(share.last_row)
        self._completion_tokens += 1
        if self._model.is_end(token):
            sequence.mark_first_token(time.monotonic())
            return self._finish(sequence, FinishReason.STOP)
        sequence.extend(token, time.monotonic())
        text = sequence.detokenizer.push(self._model.piece(token))
        news: list[Update] = [sequence.piece(text)] if text else []
        if sequence.detokenizer.stopped:
            news.extend(self._finish(sequence, FinishReason.STOP))
        elif sequence.exhausted:
            news.extend(self._finish(sequence, FinishReason.LENGTH))
        return news

    def _cancel(self, command: _Cancel) -> None:
        sequence = self._scheduler.find(command.id)
        if sequence is not None:
            self._hand_over(self._finish(sequence, FinishReason.CANCELLED, cancel_received=command.received))

    def _end(self, sequences: list[Sequence], reason: FinishReason, error: str | None = None) -> None:
        updates: list[Update] = []
        for sequence in sequences:
            updates.extend(self._finish(sequence, reason, error=error))
        self._hand_over(updates)

    def _finish(
        self,
        sequence: Sequence,
        reason: FinishReason,
        *,
        cancel_received: float | None = None,
        error: str | None = None,
    ) -> list[Update]:
        """Free all that a sequence holds; its last updates. Nothing is computed for it any more."""
        held = sequence.detokenizer.flush()
        self._scheduler.remove(sequence)
        if sequence.slot is not None:
            self._model.forget(sequence.slot)
        if sequence.sampler is not None:
            sequence.sampler.close()
        news: list[Update] = [sequence.piece(held)] if held else []
        news.append(sequence.finished(reason, time.monotonic(), cancel_received=cancel_received, error=error))
        return news

    def _fail(self, failure: str) -> None:
        """The thread is about to end: refuse what comes, and end all that is here."""
        refusal = f"the engine has stopped: {failure}"
        with self._wake:
            self._failure, self._refusal = failure, refusal
            commands, self._inbox = self._inbox, deque()
        left = [Sequence(command, self.facts.context) for command in commands if isinstance(command, GenerationRequest)]
        now = time.monotonic()
        self._hand_over(
            [sequence.finished(FinishReason.FAILED, now, error=refusal) for sequence in [*self._scheduler, *left]]
        )

    def _hand_over(self, updates: list[Update]) -> None:
        if updates:
            self._listener(updates)
