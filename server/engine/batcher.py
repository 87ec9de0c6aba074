"""One step of the engine: schedule, decode, deliver. Runs on the worker's thread only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from server.engine.base import (
    Draft,
    EngineStats,
    Finished,
    FinishReason,
    GenerationRequest,
    Instruction,
    Limit,
    Lookup,
    Prefill,
    SteerRefused,
    Tuning,
    Update,
)
from server.engine.draft_reader import DraftReader, DraftStep
from server.engine.kv import KvSlots
from server.engine.looking_up import SHORT_OF_ROOM, LookingUp
from server.engine.model import DecodeError, DecodeOutcome, DraftModel, Model, SamplerError
from server.engine.options import EngineOptions, open_files
from server.engine.prefix_waits import PrefixWaits, will_share
from server.engine.queue_positions import QueuePositions
from server.engine.resuming import fit, replay
from server.engine.scheduler import Plan, Scheduler, Share
from server.engine.sequence import Sequence
from server.engine.speculation import Speculation
from server.engine.step_planner import StepPlanner

FAULTS_ALLOWED = 2
"""Failed batches that a sequence survives when other sequences of the batch may be the cause."""

ANCHORS = 4
"""Tokens at the very beginning that a full context keeps, since attention relies on them (attention sinks, Xiao et
al. 2023)."""


class Batcher:
    """Computes the steps. Owns the scheduler, the KV slots and every sequence."""

    def __init__(
        self,
        model: Model,
        options: EngineOptions,
        listener: Callable[[list[Update]], None],
        draft_model: DraftModel | None = None,
    ) -> None:
        self._model = model
        self._options = options
        self._listener = listener
        self._scheduler = Scheduler(slots=model.slots)
        self._kv = KvSlots(model, saved_bytes=options.saved_bytes, files=open_files(model, options))
        self._turns = StepPlanner(self._scheduler, most=model.batch_tokens - model.slots)
        self._drafts = DraftReader(model, self._kv, self._turns)
        self._looking_up = LookingUp(model, self._scheduler, self._kv)
        self._waits = PrefixWaits()
        self._speculation = Speculation(options.speculative, model, draft_model)
        self._queue = QueuePositions(self._scheduler)
        self._suspects: list[Sequence] = []
        """Sequences whose batch failed. They are computed one at a time until each has completed a step."""
        self._crowded = False
        """True after a full KV cache sent a sequence back: no sequence gets a slot until one has ended."""
        self.abortable: frozenset[str] = frozenset()
        """Ids whose cancel should abort the running step. Replaced as a whole, so other threads may read it."""
        self._counters = EngineStats(slots=model.slots, kv_cells=model.cells)
        self.stats = replace(self._counters)
        """Counters as of the last delivery. Replaced as a whole, so other threads may read it."""

    @property
    def idle(self) -> bool:
        """True when no generation runs or waits. A draft may still be unread."""
        return self._scheduler.idle

    @property
    def eta_ms(self) -> int | None:
        """Estimated start of a new request, in milliseconds; None before any has ended. For any thread."""
        return self._queue.eta_ms

    @property
    def drafts_idle(self) -> bool:
        """True when no draft is to be read or dropped."""
        return self._drafts.idle

    def add(self, request: GenerationRequest) -> None:
        """Queue a request. A resumed one that has already reached its limit ends at once."""
        sequence = Sequence(request, self._model.facts.context)
        if self._options.context_shift:
            fit(sequence, self._model.facts.context, ANCHORS)
        replay(sequence, self._model.piece)
        self._scheduler.add(sequence)
        if not sequence.tokens:
            self._deliver(self._finish(sequence, FinishReason.FAILED, error="the prompt has no tokens"))
        elif request.written and (limit := sequence.limit):
            self._deliver(self._finish(sequence, FinishReason.LENGTH, limit=limit))

    def look_up(self, lookup: Lookup) -> None:
        """Find the likeliest tokens at a place, as soon as no generation waits."""
        self._scheduler.add(self._looking_up.sequence(lookup))

    def cancel(self, id: str, received: float) -> None:
        """End a generation if it has not ended yet."""
        sequence = self._scheduler.find(id)
        if sequence is not None:
            self._deliver(self._finish(sequence, FinishReason.CANCELLED, cancel_received=received))

    def steer(self, id: str, instruction: Instruction) -> None:
        """Let an answer continue after ``instruction``; one that has no token yet, once it has one."""
        sequence = self._scheduler.find(id)
        if sequence is None:
            return
        if sequence.writing:
            self._deliver(self._read_instruction(sequence, instruction))
        else:
            sequence.instructions.append(instruction)

    def tune(self, id: str, tuning: Tuning) -> None:
        """Let an answer continue with other parameters, or end it at its new limit."""
        sequence = self._scheduler.find(id)
        if sequence is None:
            return
        news: list[Update] = [sequence.tune(tuning)]
        if sequence.limit is Limit.MAX_TOKENS:
            news.extend(self._finish(sequence, FinishReason.LENGTH, limit=Limit.MAX_TOKENS))
        self._deliver(news)

    @property
    def draft_in_step(self) -> DraftStep | None:
        """The step of a draft that is computed now, if any. Any thread may ask."""
        return self._drafts.running

    def put_draft(self, draft: Draft) -> None:
        """Read ``draft`` while there is nothing else to compute."""
        self._drafts.put(draft)

    def forget_draft(self, key: str) -> None:
        """Forget a draft, after the requests that were added before have got a slot."""
        self._drafts.forget(key)

    def draft_step(self, interrupted: Callable[[], bool]) -> None:
        """Read a chunk of a draft, while no generation runs or waits; ``interrupted`` as in ``step``."""
        self._deliver(self._queue.updates())
        self._drafts.drop_forgotten()
        if self._drafts.step(interrupted):
            self._counters.draft_tokens = self._drafts.tokens
            self.stats = replace(self.stats, draft_tokens=self._drafts.tokens)

    def step(self, interrupted: Callable[[], bool]) -> None:
        """Compute one batch.

        ``interrupted`` is called after ``abortable`` is set: an earlier cancel must not wait for this step.
        """
        started = time.perf_counter()
        self._looking_up.end_abandoned()
        self._looking_up.give_way()
        self._deliver([*self._admit(), *self._queue.updates()])
        self._drafts.drop_forgotten()
        self._copy_shared(interrupted)
        copied = time.perf_counter() - started
        plan = self._plan(interrupted)
        if interrupted():
            return
        if plan.rows and self._decode(plan):
            updates = self._advance(plan)
            self._book(plan, time.perf_counter() - started, copied)
            self._deliver(updates)

    @property
    def unwritten(self) -> bool:
        """True while a kept chat waits to be written to disk."""
        return self._kv.unwritten

    def write_one(self) -> None:
        """Start to write one kept chat to disk. Called while there is nothing to compute."""
        self._kv.write_one()

    def close(self) -> None:
        """End every generation as interrupted, free its resources, and write kept chats to disk."""
        self._end(list(self._scheduler), FinishReason.INTERRUPTED)
        self._kv.close()

    def fail(self, error: str) -> None:
        """End every generation without touching the model, which has failed."""
        now = time.monotonic()
        self._looking_up.fail_all(error)
        generations = [sequence for sequence in self._scheduler if sequence.lookup is None]
        self._listener([sequence.finished(FinishReason.FAILED, now, error=error) for sequence in generations])

    # Schedule

    def _admit(self) -> list[Update]:
        """Give free slots to the next waiting sequences."""
        news: list[Update] = []
        while self._scheduler.free and self._scheduler.waiting and not self._crowded:
            sequence = self._scheduler.waiting[0]
            if not self._looking_up.may_start(sequence):
                break
            sharing = [other for other in self._scheduler.running if will_share(other, sequence)]
            first_time, before = not sequence.begun, sequence.cached
            slot, cached = self._kv.place(
                sequence.borrowable(),
                self._scheduler.free,
                self._scheduler.reusable(sequence, without=sharing),
                sequence.request.principal,
                whole=sequence.lookup is not None,
            )
            self._scheduler.admit(sequence, slot, cached, time.monotonic())
            self._counters.cached_tokens += sequence.cached - before
            if first_time and sequence.lookup is None:
                news.append(Prefill(sequence.id, cached, len(sequence.tokens)))
        return news

    def _copy_shared(self, interrupted: Callable[[], bool]) -> None:
        """Decide which sequences wait for a shared beginning, and copy it to those that need not wait any more.

        A command comes before the next copy: a copy of a long beginning may take a tenth of a second.
        """
        running = self._scheduler.running
        self._waits.update(running)
        for _ in running:
            if not self._waits.due:
                return
            sequence = self._waits.due[0]
            self._copy_to(sequence)
            self._waits.served(sequence)
            self._waits.update(running)
            if interrupted():
                return

    def _copy_to(self, sequence: Sequence) -> None:
        assert sequence.slot is not None
        others, before = self._scheduler.reusable(sequence, without=[sequence]), sequence.cached
        sequence.receive(self._kv.extend(sequence.slot, sequence.computed, sequence.borrowable(), others))
        self._counters.cached_tokens += sequence.cached - before

    def _plan(self, interrupted: Callable[[], bool]) -> Plan:
        waiting = {} if self._model.shared else {s.slot: s.computed for s in self._waits.waiting if s.slot is not None}
        fill = self._kv.gaps(self._scheduler.free, self._model.facts.context) | waiting
        running = self._scheduler.running
        suspect = next((suspect for suspect in self._suspects if suspect in running), None)
        plan = self._turns.plan(fill, self._waits, suspect, time.monotonic())
        shares = plan.shares
        reading = [share.sequence for share in shares if share.count > 1 or len(shares) == 1]
        self.abortable = frozenset(s.id for s in (*reading, *(self._waits.waiting if reading else ())))
        self._speculation.begin_step()
        return plan if suspect else self._speculation.extend(plan, interrupted)

    # Decode

    def _decode(self, plan: Plan) -> bool:
        """Compute the batch. Returns False when it was aborted or failed; partial results are then undone."""
        try:
            outcome = self._model.decode(plan.rows)
        except DecodeError as error:
            self._recover(plan, str(error))
            return False
        self._kv.tidy(self._scheduler.free.intersection(plan.filled))
        for sequence in self._waits.waiting:
            if sequence.slot in plan.filled:
                self._rewind(sequence)
        if outcome is DecodeOutcome.COMPUTED:
            return True
        for share in plan.shares:
            self._rewind(share.sequence)
        if outcome is DecodeOutcome.NO_SLOT:
            self._make_room()
        return False

    def _rewind(self, sequence: Sequence) -> None:
        """Cut the KV cache back to ``computed`` tokens; when the model can't, the sequence is read again."""
        if sequence.slot is not None:
            sequence.rewind(self._kv.rewind(sequence.slot, sequence.computed))

    def _make_room(self) -> None:
        """Free space in the full KV cache: evict kept tokens, else send the youngest sequence back to the queue.

        A sequence that runs alone has the whole cache and ends with LENGTH.
        """
        if self._kv.evict():
            return
        running = self._scheduler.running
        youngest = running[-1]
        if lookups := self._scheduler.looking:
            return self._looking_up.end(lookups[-1], SHORT_OF_ROOM)
        if len(running) == 1:
            self._end([youngest], FinishReason.LENGTH, limit=Limit.CONTEXT)
            return
        self._counters.preemptions += 1
        self._crowded = True
        self._leave_slot(youngest)
        self._scheduler.send_back(youngest)

    def _recover(self, plan: Plan, error: str) -> None:
        """Recover from a failed batch: its KV is no longer valid, so all slots are emptied and all tokens read again.

        A sequence that fails alone is at fault. Several are suspects, and each runs alone until it completes a step.
        """
        shares = [share.sequence for share in plan.shares]
        for sequence in shares:
            sequence.faults += 1
        guilty = [sequence for sequence in shares if len(shares) == 1 or sequence.faults > FAULTS_ALLOWED]
        self._suspects = [*(s for s in shares if s not in guilty), *(s for s in self._suspects if s not in shares)]
        self._end(guilty, FinishReason.FAILED, error)
        self._model.reset()
        self._kv.lost()
        self._crowded = False
        for sequence in self._scheduler.running:
            sequence.rewind(0)

    # Deliver

    def _advance(self, plan: Plan) -> list[Update]:
        """Record what was computed, and choose the next token of each sequence whose tokens are all computed."""
        updates: list[Update] = []
        for share in plan.shares:
            sequence = share.sequence
            if share.proposed:
                updates.extend(self._verify(share))
                continue
            sequence.computed += share.count
            if sequence in self._suspects:
                self._suspects.remove(sequence)
            if sequence.has_new_progress(sequence.computed):
                updates.append(Prefill(sequence.id, sequence.computed, len(sequence.tokens)))
            if share.output is not None and sequence.lookup is not None:
                self._looking_up.answer(sequence, share.output)
            elif share.output is not None:
                updates.extend(self._choose(sequence, share.output))
        return [*updates, *self._progress_of_waiting()]

    def _progress_of_waiting(self) -> list[Update]:
        read = ((sequence, self._waits.read(sequence)) for sequence in self._waits.waiting)
        return [Prefill(s.id, done, len(s.tokens)) for s, done in read if s.has_new_progress(done)]

    def _verify(self, share: Share) -> list[Update]:
        """Choose a token from each row of ``share`` until one differs from what was proposed, and drop the rest."""
        assert share.output is not None
        sequence, news = share.sequence, list[Update]()
        for output, proposed in enumerate((*share.proposed, None), start=share.output):
            sequence.computed += 1
            news += self._choose(sequence, output)
            if news and isinstance(news[-1], Finished):
                return news
            if sequence.tokens[-1] != proposed:
                break
        self._rewind(sequence)
        if not sequence.computed:
            self._speculation.cut_failed()
        return news

    def _choose(self, sequence: Sequence, output: int) -> list[Update]:
        started = time.perf_counter()
        try:
            if sequence.sampler is None:
                sampling = sequence.request.sampling
                sequence.sampler = self._model.sampler(sampling, sequence.given, sequence.since)
            token = sequence.sampler.sample(output)
        except SamplerError as error:
            return self._finish(sequence, FinishReason.FAILED, error=str(error))
        self._counters.completion_tokens += 1
        self._counters.sample_seconds += time.perf_counter() - started
        if self._model.is_end(token):
            sequence.mark_first_token(time.monotonic())
            return self._finish(sequence, FinishReason.STOP)
        most = sequence.request.sampling.top_logprobs
        sequence.extend(token, time.monotonic(), None if most is None else self._model.logprobs(output, token, most))
        return self._write(sequence, token)

    def _write(self, sequence: Sequence, token: int) -> list[Update]:
        text = sequence.detokenizer.push(self._model.piece(token))
        news: list[Update] = [sequence.piece(text)] if text else []
        if sequence.detokenizer.stopped:
            return news + self._finish(sequence, FinishReason.STOP)
        limit = sequence.limit
        if limit is not None and not (limit is Limit.CONTEXT and self._shift(sequence)):
            return news + self._finish(sequence, FinishReason.LENGTH, limit=limit)
        while sequence.instructions:
            news.extend(self._read_instruction(sequence, sequence.instructions.popleft()))
        return news

    def _read_instruction(self, sequence: Sequence, instruction: Instruction) -> list[Update]:
        """Let the answer continue after ``instruction``. Its tokens are read in the next steps."""
        size, room = len(instruction.tokens), self._model.facts.context - len(sequence.tokens) - 1
        if size > room:
            text = f"content: it takes {size} tokens, and the context has room for {max(0, room)}; cancel the answer"
            return [SteerRefused(sequence.id, "context_overflow", text)]
        if sequence.request.sampling.grammar is not None:
            text = "params.json_schema: an answer under a schema has one form from its beginning on; cancel it instead"
            return [SteerRefused(sequence.id, "unsupported", text)]
        held = sequence.detokenizer.flush()
        news: list[Update] = [sequence.piece(held)] if held else []
        sequence.close_sampler()
        return [*news, sequence.read(instruction)]

    def _shift(self, sequence: Sequence) -> bool:
        """Drop the older half of a full context. Returns False when this is not enabled or the model can't."""
        count = sequence.older_half(ANCHORS)
        if not self._options.context_shift or sequence.slot is None or count < 1:
            return False
        if not self._kv.shift(sequence.slot, ANCHORS, count):
            return False
        sequence.drop(ANCHORS, count)
        return True

    def _end(
        self,
        sequences: Iterable[Sequence],
        reason: FinishReason,
        error: str | None = None,
        limit: Limit | None = None,
    ) -> None:
        self._deliver([u for sequence in sequences for u in self._finish(sequence, reason, error=error, limit=limit)])

    def _finish(
        self,
        sequence: Sequence,
        reason: FinishReason,
        *,
        cancel_received: float | None = None,
        error: str | None = None,
        limit: Limit | None = None,
    ) -> list[Update]:
        """Free a sequence's resources and return its last updates. Nothing more is computed for it."""
        if sequence.lookup is not None:
            self._looking_up.end(sequence, error or "the server is shutting down")
            return []
        held = sequence.detokenizer.flush()
        if sequence.slot is not None:
            self._leave_slot(sequence)
            self._crowded = False
            self._queue.ended(sequence)
        self._scheduler.remove(sequence)
        self._speculation.ended(sequence)
        self._suspects = [suspect for suspect in self._suspects if suspect is not sequence]
        sequence.close_sampler()
        news: list[Update] = [sequence.piece(held)] if held else []
        last = sequence.finished(reason, time.monotonic(), cancel_received=cancel_received, error=error, limit=limit)
        return [*news, last]

    def _leave_slot(self, sequence: Sequence) -> None:
        """Free the slot. Its tokens stay there for prompts that begin with them."""
        assert sequence.slot is not None
        self._kv.release(sequence.slot, sequence.reusable, sequence.request.only_for)

    # Counters and delivery

    def _book(self, plan: Plan, seconds: float, copied: float) -> None:
        """Count a step of ``seconds``, of which ``copied`` were spent on admitting and copying, not on the batch."""
        own = seconds - copied - self._speculation.drafting
        self._speculation.learn(own)
        if not any(share.proposed for share in plan.shares):
            self._turns.learn(plan, own)
        self._counters.prompt_tokens += plan.reading
        self._counters.steps += 1
        self._counters.busy_seconds += seconds

    def _deliver(self, updates: list[Update]) -> None:
        if not updates:
            return
        counters = self._counters
        running = [sequence for sequence in self._scheduler.running if sequence.lookup is None]
        counters.running, counters.queued = len(running), self._scheduler.queued
        counters.kv_tokens = sum(sequence.computed for sequence in running)
        counters.kept_tokens, counters.saved_bytes = self._kv.kept_tokens, self._kv.saved_bytes
        counters.decode_seconds = self._model.decode_seconds + self._speculation.decode_seconds
        counters.proposed_tokens, counters.accepted_tokens = self._speculation.proposed, self._speculation.accepted
        self.stats = replace(counters)
        self._listener(updates)
