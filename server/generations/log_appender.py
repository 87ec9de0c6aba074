"""Appends what is journaled to the logs, and ends generations after faults."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from protocol.messages import Steered as SteeredEvent
from server.engine.base import (
    EngineDeadError,
    Finished,
    FinishReason,
    GenerationRequest,
    Piece,
    Steered,
    SteerRefused,
    Tuned,
    Update,
)
from server.generations.breaking import broken
from server.generations.entries import Begun, Broken, CancelAsked, Entry, Forgotten, Mark, Noted
from server.generations.expiry import Expiry
from server.generations.generation import Generation
from server.generations.generation_table import GenerationTable
from server.generations.log import Wake
from server.generations.measurements import Measurements, log_end
from server.generations.parts import ServerParts
from server.generations.recorder import Recorder
from server.generations.steering import Steering
from server.generations.tuner import Tuner
from server.logs import described
from server.writers.endings import ended
from server.writers.writer_port import Writer


class LogAppender:
    """The only writer of the logs, on the event loop. Owns no state of its own."""

    def __init__(
        self,
        generations: GenerationTable,
        writer: Writer,
        recorder: Recorder,
        expiry: Expiry,
        parts: ServerParts,
        measurements: Measurements,
        steering: Steering,
        tuner: Tuner,
        on_ended: Callable[[Generation], None],
    ) -> None:
        self._generations = generations
        self._writer = writer
        self._recorder = recorder
        self._expiry = expiry
        self._parts = parts
        self._measurements = measurements
        self._steering = steering
        self._tuner = tuner
        self._on_ended = on_ended

    def append(self, entries: Sequence[Entry]) -> None:
        """Append journaled entries, then wake each reader once. A fault in one entry ends only its generation."""
        now = time.monotonic()
        wakes: dict[Wake, None] = {}
        for entry in entries:
            try:
                wakes.update(dict.fromkeys(self._append_one(entry, now)))
            except Exception as error:
                if not isinstance(entry, Mark | Forgotten) and (generation := self._generations.open_one(entry.id)):
                    self.fail(generation, error)
                else:
                    self._parts.survived("an entry without a generation", error)
        self._wake(wakes)

    def submit(self, request: GenerationRequest) -> None:
        """Submit the request of an accepted generation. It fails if the engine is dead."""
        try:
            self._writer.submit(request)
        except EngineDeadError as error:
            if not self._recorder.suspends(request.id):  # otherwise the next start resumes it
                self._recorder.put([ended(request, FinishReason.FAILED, str(error))])

    def fail(self, generation: Generation, error: Exception) -> None:
        """End ``generation`` as failed after a fault in handling it."""
        self._parts.survived("a generation", error)
        self._break(generation, f"a fault in the server ended this answer ({described(error)}); ask again")

    def fail_all(self, text: str) -> None:
        """End every generation as failed, also those being journaled, since a required part of the server has died."""
        self._generations.accept_all()
        wakes: dict[Wake, None] = {}
        for generation in self._generations.open:
            entry = self._break(generation, text)
            wakes.update(dict.fromkeys(generation.watchers))
            self._parts.guarded("an end", partial(self._end_broken, generation, entry, time.monotonic()))
        self._wake(wakes)

    def _append_one(self, entry: Entry, now: float) -> Iterable[Wake]:
        """Append one entry. Returns the callbacks to call."""
        match entry:
            case Piece():  # nearly all entries
                return self._append_update(entry, now)
            case Begun(request=request):
                if self._generations.accept(request.id):
                    self.submit(request)
            case Mark(passed=passed):
                passed.set()
            case CancelAsked() | Noted() | Forgotten():
                pass
            case Broken():
                if generation := self._generations.open_one(entry.id):
                    return self._end_broken(generation, entry, now)
            case _:
                return self._append_update(entry, now)
        return ()

    def _append_update(self, update: Update, now: float) -> Iterable[Wake]:
        generation = self._generations.open_one(update.id)
        return self._update(generation, update, now) if generation and generation.broken is None else ()

    def _update(self, generation: Generation, update: Update, now: float) -> Iterable[Wake]:
        before = generation.completion_tokens
        generation.apply(update, now)
        if isinstance(update, Piece):
            tokens = max(update.completion_tokens - before, 0)
            self._parts.guarded("the measurements", lambda: self._measurements.piece(generation, tokens, now))
        elif isinstance(update, Steered):
            event = SteeredEvent(id=generation.id, seq=generation.log.pieces, content=update.instruction.content)
            self._steering.read(generation, event)
        elif isinstance(update, SteerRefused):
            self._steering.refused(generation, update.code, update.error)
        elif isinstance(update, Tuned):
            self._tuner.tuned(generation)
            self._expiry.update_detach_timer(generation)
        elif isinstance(update, Finished):
            self._end(generation, update, now)
        return generation.watchers

    def _end(self, generation: Generation, finished: Finished, now: float) -> None:
        """Handle the end of a log. Faults in this must not keep the end from its readers."""
        guarded = self._parts.guarded
        guarded("the instructions", lambda: self._steering.ended(generation))
        guarded("the changes of parameters", lambda: self._tuner.ended(generation))
        guarded("the measurements", lambda: self._measurements.end(finished))
        guarded("the log line of an end", lambda: log_end(generation, finished))
        guarded("the open generations", lambda: self._generations.end(generation))
        guarded("the logs that are kept", lambda: self._expiry.finished(generation, now))
        guarded("the callback for an end", lambda: self._on_ended(generation))

    def _break(self, generation: Generation, error: str) -> Broken:
        """End a generation as failed, first in the journal, and have the engine free its slot."""
        if generation.broken is None:
            generation.broken = broken(generation, error, time.monotonic())
            self._recorder.put([generation.broken])  # before the engine's own end can be journaled
            self._parts.guarded("a cancel", lambda: self._writer.cancel(generation.key, time.monotonic()))
        return generation.broken

    def _end_broken(self, generation: Generation, entry: Broken, now: float) -> Iterable[Wake]:
        generation.end(entry.finished)
        self._end(generation, entry.finished, now)
        return generation.watchers

    def _wake(self, wakes: Iterable[Wake]) -> None:
        for wake in wakes:
            self._parts.guarded("a reader", wake)
