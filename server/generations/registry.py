"""Registry of all generations by id: start, read, cancel, expire. The only bridge from the engine's threads to the
event loop.

Every update passes through the journal first (recorder.py) and arrives in the same order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Alternatives, AlternativesRequest, Generate, Steered, Tune, Tuned
from server.engine.base import EngineDeadError, GenerationRequest
from server.generations.answer_places import AnswerPlaces, Start
from server.generations.entries import Begun, CancelAsked, Entry, Forgotten, Mark, Noted
from server.generations.expiry import Expiry
from server.generations.generation import Generation
from server.generations.generation_table import GenerationTable
from server.generations.journal import Journal
from server.generations.log_appender import LogAppender
from server.generations.loop_calls import post
from server.generations.measurements import Measurements
from server.generations.model_changes import ModelChanges
from server.generations.ownership import key_of
from server.generations.parts import ENDED, ServerParts
from server.generations.places import QUEUE_LIMIT, Places
from server.generations.recorder import JournalLoad, JournalStatus, Recorder
from server.generations.refusals import busy, conflict
from server.generations.restoring import OnRestart, restored, resumed
from server.generations.retention import RETENTION, FinishedLogs, Retention
from server.generations.steering import Steering
from server.generations.stored import Stored
from server.generations.tuner import Tuner
from server.logs import described, event
from server.writers.request_errors import refusal
from server.writers.writer_port import Prepared, PromptSize, Writer, names_of

logger = logging.getLogger(__name__)

REGISTRY: Final = "registry"
RECORDER: Final = "recorder"
ENGINE: Final = "engine"
"""Parts that are required to compute answers."""

LOOK_SECONDS: Final = 1.0
"""Interval between two checks of the engine's and the recorder's threads, in seconds."""


class Registry:
    """Owns every generation and its log. All methods belong to the event loop that ``run`` runs on.

    ``journal`` None: nothing survives this process. ``queue_limit`` and ``active_limit``: see Places.

    A start calls, in this order: ``known``, ``prepare``, ``places.reserved``, ``begin``, ``accepted``, and at last
    ``count_detach`` (conversations/service.py). Callers use the id and the principal, the table its key (ownership.py).
    """

    def __init__(
        self,
        writer: Writer,
        journal: Journal | None = None,
        *,
        on_restart: OnRestart = OnRestart.CONTINUE,
        retention: Retention = RETENTION,
        queue_limit: int = QUEUE_LIMIT,
        active_limit: int | None = None,
    ) -> None:
        self.on_ended: Callable[[Generation], None] = lambda generation: None
        """Called on the event loop with each generation that ends, before its readers are woken. Set once, before
        ``run``."""
        self.parts = ServerParts()
        self.measurements = Measurements()
        self.writer = writer
        self.model_changes = ModelChanges()
        self._recorder = Recorder(journal, self.parts)
        self._stored = journal.stored if journal else []
        self._on_restart = on_restart
        self._generations = GenerationTable()
        finished = FinishedLogs(retention)
        self._expiry = Expiry(finished, self._cancel_unwatched, self._forget)
        self.places = Places(self._generations, finished, writer, retention.limit, queue_limit, active_limit)
        self._steering = Steering(writer)
        self._tuner = Tuner(writer)
        self._answer_places = AnswerPlaces(writer)
        self._appender = LogAppender(
            self._generations,
            writer,
            self._recorder,
            self._expiry,
            self.parts,
            self.measurements,
            self._steering,
            self._tuner,
            lambda generation: self.on_ended(generation),
        )
        self._running = False
        self._shutting_down = False

    @property
    def active(self) -> list[Generation]:
        """All generations that have not ended, oldest first, of all principals."""
        return self._generations.open

    def active_of(self, principal: str) -> list[Generation]:
        """Return the principal's generations that have not ended, oldest first."""
        return [generation for generation in self.active if generation.principal == principal]

    @property
    def shutting_down(self) -> bool:
        """True once no new generations are accepted."""
        return self._shutting_down

    @property
    def models(self) -> tuple[str, ...]:
        """All names by which a request may name a model, those of the default one first."""
        return tuple(names_of(self.writer.models))

    @property
    def journal_status(self) -> JournalStatus:
        return self._recorder.status

    @property
    def journal_load(self) -> JournalLoad:
        return self._recorder.load

    @property
    def failure(self) -> str | None:
        """Reason why no answer can be computed; None while all required parts are alive."""
        self._check_parts()
        part = next((part for part in (REGISTRY, RECORDER, ENGINE) if part in self.parts.failures), None)
        return None if part is None else f"the {part} has died: {self.parts.failures[part]}"

    async def run(self) -> None:
        """Start the engine, resume the generations of an earlier server, and monitor the parts until cancelled."""
        try:
            self._start(asyncio.get_running_loop())
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                self._check_parts()
        except Exception as error:
            self._fail(REGISTRY, described(error), error)
        finally:
            if not self._shutting_down:
                self._fail(REGISTRY, ENDED)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._recorder.start(
            lambda entries: post(loop, self._receive, entries),
            lambda reason, error: post(loop, self._fail, RECORDER, reason, error),
        )
        self.writer.start(self._recorder.record_step, lambda: post(loop, self.model_changes.publish))
        self._running = True
        self._restore()

    async def drain(self, seconds: float) -> None:
        """Accept no new generations, and give running ones ``seconds`` to end."""
        self._shutting_down = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._generations.idle.wait()

    async def close(self) -> None:
        """End the engine, and with it every generation that the journal doesn't keep for the next start."""
        self._shutting_down = True
        self._recorder.suspending = self._on_restart is OnRestart.CONTINUE and self.journal_status.status == "ok"
        await asyncio.to_thread(self.writer.close)
        await asyncio.to_thread(self._recorder.close)  # everything it delivered reaches the loop before this returns
        self._expiry.close()

    # Starting

    def known(self, body: Generate, principal: str) -> Generation | None:
        """Return the principal's accepted generation with this body's id; None when there is none.

        Raises RemoteProtocolError (id_conflict) when it was requested with another body.
        """
        known = self._generations.get(key_of(principal, body.id or ""))
        if known and not known.is_for(body):
            raise conflict(body)
        return known

    async def prepare(self, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        """Return the request of ``body``, which has an id and its whole dialogue; see ``Writer.prepare``.

        Raises RemoteProtocolError, also while the server can't compute answers.
        """
        self._refuse_when_down(body)
        prepare = partial(self.writer.prepare, written=written, received=received, principal=principal)
        try:
            return await asyncio.to_thread(prepare, key_of(principal, body.id or ""), body)
        except EngineDeadError as error:
            raise refusal(body, ErrorCode.ENGINE_FAILED, str(error)) from error

    async def prepare_fork(self, body: Generate, *, received: float, principal: str) -> Start:
        """Return the start of ``body``, which has an id and continues from a place of another generation of the
        principal.

        Raises RemoteProtocolError, also while the server can't compute answers.
        """
        self._refuse_when_down(body)
        assert body.from_ is not None
        forked = self.get(body.from_.id, re="generate", principal=principal, field="from.id")
        return await self._answer_places.fork(forked, body, key_of(principal, body.id or ""), received)

    def begin(self, body: Generate, start: Start, note: str = "") -> Generation:
        """Begin the generation that the client requested with ``body``: it is journaled, then submitted.

        ``note``: see Generation. Its id must be free, and its place reserved (``places``). Raises RemoteProtocolError
        while the server can't compute answers.
        """
        self._refuse_when_down(body)
        request, dropped = start.prepared
        begun = Begun(
            request=request,
            epoch=secrets.token_hex(6),
            body=body,
            model=self.writer.identity(request.model),
            created=time.time(),
            note=note,
            dropped=dropped,
            fork=start.fork,
            events=start.events,
        )
        generation = Generation(
            request.id,
            begun.epoch,
            body,
            self.places.next_position(request.model),
            model=request.model,
            dropped=dropped,
            prompt_tokens=len(request.prompt),
            completion_tokens=len(request.written),
            received=request.received,
            note=note,
            fork=start.fork,
            identity=begun.model,
        )
        if not request.unprepared:
            generation.requested(request)
        for written in start.events:
            generation.rewrite(written)
        generation.on_watchers_changed = self._expiry.update_detach_timer
        self._generations.begin(generation)
        self._recorder.begin(begun)  # the appender submits it
        event(logger, logging.INFO, "generation accepted", generation=generation.id, prompt_tokens=len(request.prompt))
        return generation

    async def accepted(self, id: str, principal: str) -> None:
        """Wait until the principal's generation ``id``, if it is being journaled, is accepted."""
        await self._generations.accepted(key_of(principal, id))

    def count_detach(self, generation: Generation) -> None:
        """Let ``on_detach_ms`` count from now, unless a reader watches the generation."""
        self._expiry.update_detach_timer(generation)

    def _refuse_when_down(self, body: Generate) -> None:
        if self._shutting_down:
            raise busy(body, "the server is going down; try again when it is back")
        if failure := self.failure:
            raise refusal(body, ErrorCode.ENGINE_FAILED, f"{failure}; restart the server")

    # Reading and stopping

    async def measure(self, body: Generate, written: str) -> PromptSize:
        """Return the size of the prompt that a generation would read. Raises RemoteProtocolError."""
        try:
            return await asyncio.to_thread(self.writer.measure, body, written)
        except EngineDeadError as error:
            raise refusal(body, ErrorCode.ENGINE_FAILED, str(error)) from error

    def get(self, id: str, *, re: str, principal: str, field: str = "id") -> Generation:
        """Return the principal's generation ``id``.

        Raises RemoteProtocolError (unknown_id) in answer to the ``field`` of a message ``re``, with the same text
        whether or not another principal has this id.
        """
        generation = self._generations.get(key_of(principal, id))
        if generation is None:
            text = f"{field}: there is no generation {id!r}; its log may have expired"
            raise RemoteProtocolError(ErrorCode.UNKNOWN_ID, text, field=field, re=re, id=id)
        return generation

    def cancel(self, id: str, received: float, *, principal: str) -> None:
        """Stop a principal's generation in any phase; its `done` confirms it.

        A second cancel does nothing. Raises RemoteProtocolError (unknown_id, already_done).
        """
        generation = self.get(id, re="cancel", principal=principal)
        if generation.log.done:
            text = f"generation {id!r} had ended before the cancel arrived: {generation.log.done.reason}"
            raise RemoteProtocolError(ErrorCode.ALREADY_DONE, text, re="cancel", id=id)
        self._stop(generation, received)

    async def steer(self, id: str, content: str, key: str | None = None, *, principal: str) -> asyncio.Future[Steered]:
        """Give an instruction to a running generation of the principal; see Steering."""
        return await self._steering.steer(self.get(id, re="steer", principal=principal), content, key)

    async def tune(self, message: Tune, *, principal: str) -> asyncio.Future[Tuned]:
        """Change parameters of a running generation of the principal; see Tuner."""
        return await self._tuner.tune(self.get(message.id, re="tune", principal=principal), message)

    async def alternatives(self, message: AlternativesRequest, *, principal: str) -> Alternatives:
        """Return the likeliest tokens at a place of a generation of the principal; see AnswerPlaces."""
        await self.accepted(message.id, principal)
        generation = self.get(message.id, re="alternatives", principal=principal)
        return await self._answer_places.alternatives(generation, message)

    def _cancel_unwatched(self, key: str) -> None:
        if generation := self._generations.open_one(key):
            self._stop(generation, time.monotonic())

    def _stop(self, generation: Generation, received: float) -> None:
        if generation.cancel_received is None:
            generation.cancel_received = received
            event(logger, logging.DEBUG, "cancel", generation=generation.id, state=generation.state)
            self.writer.cancel(generation.key, received)
            self._recorder.put([CancelAsked(generation.key)])

    async def caught_up(self) -> None:
        """Wait until everything that the engine has delivered so far is in the logs."""
        mark = Mark(asyncio.Event())
        self._recorder.put([mark])
        await mark.passed.wait()

    def find(self, id: str, principal: str) -> Generation | None:
        """Return the principal's generation ``id``, also while it is being journaled; None when there is none."""
        return self._generations.find(key_of(principal, id))

    # An earlier server's generations

    def _restore(self) -> None:
        """Restore an earlier server's generations: finished logs, and the open ones in the order of acceptance."""
        now, clock = time.monotonic(), time.time()
        for stored in sorted(self._stored, key=lambda one: one.finished or 0):
            self.parts.guarded("a restored generation", partial(self._restore_one, stored, now, clock))
        self._stored = []

    def _restore_one(self, stored: Stored, now: float, clock: float) -> None:
        model = stored.begun.request.model or self.models[0]  # older journals don't have the name
        generation = restored(stored, model, self.places.next_position(model), now)
        generation.on_watchers_changed = self._expiry.update_detach_timer
        self._generations.add(generation, is_open=stored.ending is None)
        if stored.ending is not None:
            generation.apply(stored.ending, now)
            self._expiry.finished(generation, now - max(0.0, clock - (stored.finished or clock)))
            return
        try:
            following = resumed(stored, self.writer, self._on_restart, now)
            if isinstance(following, GenerationRequest):
                self._appender.submit(following)
            else:
                self._recorder.put([following])
        except Exception as error:
            self._appender.fail(generation, error)
        self.count_detach(generation)

    # Parts of the server

    def _receive(self, entries: Sequence[Entry]) -> None:
        """Append journaled entries. A fault outside of a single generation ends the registry."""
        try:
            self._appender.append(entries)
        except Exception as error:
            self._fail(REGISTRY, described(error), error)

    def _fail(self, part: str, reason: str, error: BaseException | None = None, *, level: int = logging.ERROR) -> None:
        """Record that a required part has failed: end every generation as failed and release all waiting callers."""
        if self.parts.died(part, reason, error, level=level):
            self._appender.fail_all(f"the {part} has died: {reason}; restart the server")

    def _check_parts(self) -> None:
        """Detect a part that ended without reporting it."""
        if not self._running or self._shutting_down:
            return
        if not self._recorder.alive:
            self._fail(RECORDER, self._recorder.failure or ENDED)
        stats = self.writer.stats()
        if stats.failure is not None:  # the engine has logged that itself
            self._fail(ENGINE, stats.failure, level=logging.WARNING)
        elif not stats.alive:
            self._fail(ENGINE, ENDED)

    def annotate(self, generation: Generation, note: str) -> None:
        """Replace the note of an accepted generation, also in the journal."""
        generation.note = note
        self._recorder.put([Noted(generation.key, note)])

    def forget(self, generation: Generation) -> None:
        """Drop the log of a generation that has ended, as if it had expired. A second call does nothing."""
        if self._generations.get(generation.key) is generation:
            self._expiry.drop(generation.key)

    def _forget(self, keys: tuple[str, ...]) -> None:
        self._generations.forget(keys)
        self._recorder.put([Forgotten(keys)])
