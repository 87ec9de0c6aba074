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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, ParamSpec

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate
from server.engine.base import (
    EngineDeadError,
    Finished,
    FinishReason,
    GenerationRequest,
    Piece,
    Prefill,
    Queued,
    Update,
)
from server.generations.breaking import broken
from server.generations.entries import Begun, Broken, CancelAsked, Entry, Forgotten, Mark
from server.generations.expiry import Expiry
from server.generations.generation import Generation
from server.generations.journal import Journal
from server.generations.log import Wake
from server.generations.measurements import Measurements, log_end
from server.generations.ownership import key_of
from server.generations.parts import ENDED, ServerParts
from server.generations.recorder import JournalLoad, JournalStatus, Recorder
from server.generations.refusals import busy, conflict, too_many_active
from server.generations.restoring import OnRestart, restored, resumed, without_interrupted
from server.generations.retention import RETENTION, Retention
from server.generations.source import Source
from server.generations.stored import Stored
from server.logs import described, event
from server.writers.endings import ended
from server.writers.request_errors import refusal
from server.writers.writer_port import Prepared, PromptSize, Writer

logger = logging.getLogger(__name__)

REGISTRY: Final = "registry"
RECORDER: Final = "recorder"
ENGINE: Final = "engine"
"""Parts that are required to compute answers."""

LOOK_SECONDS: Final = 1.0
"""Interval between two checks of the engine's and the recorder's threads, in seconds."""

P = ParamSpec("P")

QUEUE_LIMIT = 256
"""Maximum number of waiting generations."""


@dataclass(slots=True)
class _Beginning:
    """A generation being journaled; ``submitted`` passes when the engine has it.

    ``awaited``: a caller waits for that and will watch it.
    """

    generation: Generation
    submitted: Mark
    awaited: bool = True


class Registry:
    """Owns every generation and its log. All methods belong to the event loop that ``run`` runs on.

    ``journal`` None: nothing survives this process. ``queue_limit``: waiting generations of all principals;
    ``active_limit``: waiting or running ones per principal, None: no separate limit.

    The dictionaries are keyed by a generation's key; callers use the id and the principal (ownership.py).
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
        self.queue_limit = queue_limit
        self.on_ended: Callable[[Generation], None] = lambda generation: None
        """Called on the event loop with each generation that ends, before its readers are woken. Set once, before
        ``run``."""
        room = queue_limit + writer.slots
        self.active_limit = room if active_limit is None else min(active_limit, room)
        self.parts = ServerParts()
        self.measurements = Measurements()
        self.writer = writer
        self._recorder = Recorder(journal, self.parts)
        self._stored = journal.stored if journal else []
        self._on_restart = on_restart
        self._logs_limit = retention.limit
        self._expiry = Expiry(retention, self._cancel_unwatched, self._forget)
        self._generations: dict[str, Generation] = {}
        self._open: dict[str, Generation] = {}
        self._beginning: dict[str, _Beginning] = {}
        self._running = False
        self._idle = asyncio.Event()
        """Set while nothing runs. Maintained only during shutdown."""
        self._shutting_down = False
        self._suspending = False

    @property
    def active(self) -> list[Generation]:
        """All generations that have not ended, oldest first, of all principals."""
        return list(self._open.values())

    def active_of(self, principal: str) -> list[Generation]:
        """Return the principal's generations that have not ended, oldest first."""
        return [generation for generation in self._open.values() if generation.principal == principal]

    @property
    def shutting_down(self) -> bool:
        """True once no new generations are accepted."""
        return self._shutting_down

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
            lambda entries: _post(loop, self._receive, entries),
            lambda reason, error: _post(loop, self._fail, RECORDER, reason, error),
        )
        self.writer.start(self._record_step)
        self._running = True
        self._restore()

    async def drain(self, seconds: float) -> None:
        """Accept no new generations, and give running ones ``seconds`` to end."""
        self._shutting_down = True
        self._note_idle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def close(self) -> None:
        """End the engine, and with it every generation that the journal doesn't keep for the next start."""
        self._shutting_down = True
        self._suspending = self._on_restart is OnRestart.CONTINUE and self.journal_status.status == "ok"
        await asyncio.to_thread(self.writer.close)
        await asyncio.to_thread(self._recorder.close)  # everything it delivered reaches the loop before this returns
        self._expiry.close()

    async def start(
        self, body: Generate, received: float, *, principal: str, source: Source | None = None
    ) -> tuple[Generation, bool]:
        """Start the generation that ``body`` requests, received at ``time.monotonic()`` ``received``.

        Idempotent by id: for the same id and body, returns the existing generation and False. ``source``: the expanded
        form of a body that names a conversation; its ``before`` runs after all checks have passed. Watch the generation
        before the next await: ``on_detach_ms`` counts from here. Raises RemoteProtocolError with the code for the
        client.
        """
        if known := await self.known(body, principal):
            self._expiry.update_detach_timer(known)
            return known, False
        self._refuse_when_down(body)
        key = key_of(principal, body.id or secrets.token_hex(8))
        try:
            prepared = await asyncio.to_thread(self._prepare, key, body, source, received, principal)
        except EngineDeadError as error:
            raise refusal(body, ErrorCode.ENGINE_FAILED, str(error)) from error
        if known := await self.known(body, principal):  # another connection was faster
            return known, False
        self._refuse_when_down(body)
        self._refuse_when_full(body, principal)
        if source:
            await source.before(prepared.dropped)
            if await self.known(body, principal):
                raise conflict(body)
            self._refuse_when_down(body)
        beginning = self._begin(body, prepared)
        try:
            await beginning.submitted.passed.wait()
        finally:
            beginning.awaited = False
            if beginning.generation.key in self._generations:
                self._expiry.update_detach_timer(beginning.generation)
        return beginning.generation, True

    async def measure(self, body: Generate, written: str) -> PromptSize:
        """Return the size of the prompt that a generation would read. Raises RemoteProtocolError."""
        try:
            return await asyncio.to_thread(self.writer.measure, body, written)
        except EngineDeadError as error:
            raise refusal(body, ErrorCode.ENGINE_FAILED, str(error)) from error

    def get(self, id: str, *, re: str, principal: str) -> Generation:
        """Return the principal's generation ``id``.

        Raises RemoteProtocolError (unknown_id) in answer to a message ``re``, with the same text whether or not another
        principal has this id.
        """
        generation = self._generations.get(key_of(principal, id))
        if generation is None:
            text = f"id: there is no generation {id!r}; its log may have expired"
            raise RemoteProtocolError(ErrorCode.UNKNOWN_ID, text, field="id", re=re, id=id)
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

    async def caught_up(self) -> None:
        """Wait until everything that the engine has delivered so far is in the logs."""
        mark = Mark(asyncio.Event())
        self._recorder.put([mark])
        await mark.passed.wait()

    def find(self, id: str, principal: str) -> Generation | None:
        """Return the principal's generation ``id``, including one that is still being journaled; None when there is
        none."""
        key = key_of(principal, id)
        beginning = self._beginning.get(key)
        return self._generations.get(key) or (beginning.generation if beginning else None)

    async def begun(self, id: str, principal: str) -> None:
        """Wait until the principal's generation ``id``, if it is being journaled, is registered."""
        if beginning := self._beginning.get(key_of(principal, id)):
            await beginning.submitted.passed.wait()

    async def known(self, body: Generate, principal: str) -> Generation | None:
        """Return the principal's existing generation with this body's id, once it is journaled.

        Raises RemoteProtocolError (id_conflict) when it was requested with another body.
        """
        if body.id is None:
            return None
        await self.begun(body.id, principal)
        known = self._generations.get(key_of(principal, body.id))
        if known and not known.is_for(body):
            raise conflict(body)
        return known

    # Beginning

    def _refuse_when_down(self, body: Generate) -> None:
        if self._shutting_down:
            raise busy(body, "the server is going down; try again when it is back")
        if failure := self.failure:
            raise refusal(body, ErrorCode.ENGINE_FAILED, f"{failure}; restart the server")

    def _refuse_when_full(self, body: Generate, principal: str) -> None:
        beginning = [one.generation for one in self._beginning.values() if one.generation.principal == principal]
        if len(self.active_of(principal)) + len(beginning) >= self.active_limit < self.queue_limit + self.writer.slots:
            raise too_many_active(body, self.active_limit, self.writer.eta_ms())
        if len(self._open) + len(self._beginning) >= self.queue_limit + self.writer.slots:
            text = f"{self.queue_limit} generations are waiting already; try again later"
            raise busy(body, text, retry_after_ms=self.writer.eta_ms())
        if self._expiry.kept_bytes + sum(each.size for each in self._open.values()) >= self._logs_limit:
            raise busy(body, "the memory for recent answers is full; try again later")

    def _prepare(self, key: str, body: Generate, source: Source | None, received: float, principal: str) -> Prepared:
        asked, written = (source.body, source.written) if source else (body, "")
        return self.writer.prepare(key, asked, written=written, received=received, principal=principal)

    def _begin(self, body: Generate, prepared: Prepared) -> _Beginning:
        """Send a generation to the journal; ``_submit_journaled`` continues with it."""
        request, dropped = prepared
        begun = Begun(
            request=request,
            epoch=secrets.token_hex(6),
            body=body,
            model=self.writer.identity,
            created=time.time(),
        )
        generation = Generation(
            request.id,
            begun.epoch,
            body,
            self._next_position,
            dropped=dropped,
            prompt_tokens=len(request.prompt),
            received=request.received,
        )
        generation.on_watchers_changed = self._expiry.update_detach_timer
        beginning = self._beginning[request.id] = _Beginning(generation, Mark(asyncio.Event()))
        self._recorder.put([begun, beginning.submitted])
        event(logger, logging.INFO, "generation accepted", generation=generation.id, prompt_tokens=len(request.prompt))
        return beginning

    @property
    def _next_position(self) -> int:
        return max(0, len(self._open) + len(self._beginning) + 1 - self.writer.slots)

    def _submit_journaled(self, begun: Begun) -> None:
        if (beginning := self._beginning.pop(begun.id, None)) is None:  # it was ended by a fault meanwhile
            return
        self._generations[begun.id] = self._open[begun.id] = beginning.generation
        self._submit(begun.request)
        if not beginning.awaited:
            self._expiry.update_detach_timer(beginning.generation)

    def _submit(self, request: GenerationRequest) -> None:
        try:
            self.writer.submit(request)
        except EngineDeadError as error:
            if not self._suspending:  # otherwise the next start resumes it
                self._recorder.put([ended(request, FinishReason.FAILED, str(error))])

    def _restore(self) -> None:
        """Restore an earlier server's generations: finished logs, and the open ones in the order of acceptance."""
        now, clock = time.monotonic(), time.time()
        for stored in sorted(self._stored, key=lambda one: one.finished or 0):
            self.parts.guarded("a restored generation", partial(self._restore_one, stored, now, clock))
        self._stored = []

    def _restore_one(self, stored: Stored, now: float, clock: float) -> None:
        generation = self._generations[stored.begun.id] = restored(stored, self._next_position, now)
        generation.on_watchers_changed = self._expiry.update_detach_timer
        if stored.ending is not None:
            generation.apply(stored.ending, now)
            self._expiry.finished(generation, now - max(0.0, clock - (stored.finished or clock)))
            return
        self._open[generation.key] = generation
        try:
            following = resumed(stored, self.writer, self._on_restart, now)
            if isinstance(following, GenerationRequest):
                self._submit(following)
            else:
                self._recorder.put([following])
        except Exception as error:
            self._break_for(generation, error)
        self._expiry.update_detach_timer(generation)

    # Updates

    def _record_step(self, updates: Sequence[Update]) -> None:
        """Record the updates of one step. Runs on the engine's thread."""
        self._recorder.put(without_interrupted(updates) if self._suspending else updates)

    def _receive(self, entries: Sequence[Entry]) -> None:
        """Apply journaled entries. A fault outside of a single generation ends the registry."""
        try:
            self._apply(entries)
        except Exception as error:
            self._fail(REGISTRY, described(error), error)

    def _apply(self, entries: Sequence[Entry]) -> None:
        """Update the logs, then wake each reader once. A fault in one entry ends only its generation."""
        now = time.monotonic()
        wakes: dict[Wake, None] = {}
        for entry in entries:
            try:
                wakes.update(dict.fromkeys(self._apply_one(entry, now)))
            except Exception as error:
                if not isinstance(entry, Mark | Forgotten) and (generation := self._open.get(entry.id)):
                    self._break_for(generation, error)
                else:
                    self.parts.survived("an entry without a generation", error)
        self._wake(wakes)
        self._note_idle()

    def _apply_one(self, entry: Entry, now: float) -> Iterable[Wake]:
        """Apply one entry. Returns the callbacks to call."""
        match entry:
            case Begun():
                self._submit_journaled(entry)
            case Mark(passed=passed):
                passed.set()
            case CancelAsked() | Forgotten():
                pass
            case Broken(id=id) if generation := self._open.get(id):
                return self._end_broken(generation, entry, now)
            case Queued() | Prefill() | Piece() | Finished() if generation := self._open.get(entry.id):
                if generation.broken is None:
                    return self._update(generation, entry, now)
        return ()

    def _update(self, generation: Generation, update: Update, now: float) -> Iterable[Wake]:
        generation.apply(update, now)
        if isinstance(update, Piece):
            self.parts.guarded("the measurements", lambda: self.measurements.piece(generation, update, now))
        elif isinstance(update, Finished):
            self._ended(generation, update, now)
        return generation.watchers

    def _ended(self, generation: Generation, finished: Finished, now: float) -> None:
        """Handle the end of a log. Faults in this must not keep the end from its readers."""
        guarded = self.parts.guarded
        guarded("the measurements", lambda: self.measurements.end(finished))
        guarded("the log line of an end", lambda: log_end(generation, finished))
        guarded("the logs that are kept", lambda: self._keep_finished(generation, now))
        guarded("the callback for an end", lambda: self.on_ended(generation))

    def _wake(self, wakes: Iterable[Wake]) -> None:
        for wake in wakes:
            self.parts.guarded("a reader", wake)

    # Faults

    def _break_for(self, generation: Generation, error: Exception) -> None:
        """End ``generation`` as failed after a fault in handling it."""
        self.parts.survived("a generation", error)
        self._break(generation, f"a fault in the server ended this answer ({described(error)}); ask again")

    def _break(self, generation: Generation, error: str) -> Broken:
        """End a generation as failed, first in the journal, and have the engine free its slot."""
        if generation.broken is None:
            generation.broken = broken(generation, error, time.monotonic())
            self._recorder.put([generation.broken])  # before the engine's own end can be journaled
            self.parts.guarded("a cancel", lambda: self.writer.cancel(generation.key, time.monotonic()))
        return generation.broken

    def _end_broken(self, generation: Generation, entry: Broken, now: float) -> Iterable[Wake]:
        generation.end(entry.finished)
        self._ended(generation, entry.finished, now)
        return generation.watchers

    def _fail(self, part: str, reason: str, error: BaseException | None = None, *, level: int = logging.ERROR) -> None:
        """Record that a required part has failed: end every generation as failed and release all waiting callers."""
        if not self.parts.died(part, reason, error, level=level):
            return
        for key, beginning in self._beginning.items():
            self._generations[key] = self._open[key] = beginning.generation
            beginning.submitted.passed.set()
        self._beginning.clear()
        wakes: dict[Wake, None] = {}
        for generation in self.active:
            entry = self._break(generation, f"the {part} has died: {reason}; restart the server")
            wakes.update(dict.fromkeys(generation.watchers))
            self.parts.guarded("an end", partial(self._end_broken, generation, entry, time.monotonic()))
        self._wake(wakes)
        self._note_idle()

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

    def _note_idle(self) -> None:
        if not self._open and not self._beginning:
            self._idle.set()
        else:
            self._idle.clear()

    # Ending

    def _cancel_unwatched(self, key: str) -> None:
        if generation := self._open.get(key):
            self._stop(generation, time.monotonic())

    def _stop(self, generation: Generation, received: float) -> None:
        if generation.cancel_received is None:
            generation.cancel_received = received
            event(logger, logging.DEBUG, "cancel", generation=generation.id, state=generation.state)
            self.writer.cancel(generation.key, received)
            self._recorder.put([CancelAsked(generation.key)])

    def _keep_finished(self, generation: Generation, now: float) -> None:
        del self._open[generation.key]
        self._expiry.finished(generation, now)

    def _forget(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            del self._generations[key]
        self._recorder.put([Forgotten(keys)])


def _post(loop: asyncio.AbstractEventLoop, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Schedule ``call`` on the event loop from another thread; ignored when the loop has closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(partial(call, *args, **kwargs))
