"""The engine's thread: a loop that reads the inbox and computes a step."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from server.engine.base import (
    Draft,
    EngineDeadError,
    EngineModelFacts,
    EngineStats,
    GenerationRequest,
    Instruction,
    JsonInText,
    Listener,
    Lookup,
    Ranges,
    Tuning,
    Update,
)
from server.engine.batcher import Batcher
from server.engine.model import DraftModel, Model
from server.engine.options import EngineOptions
from server.engine.step_turns import StepTurns, Work

logger = logging.getLogger(__name__)

QUIET_SECONDS = 0.5
"""Time without work after which a kept chat is written to disk, in seconds."""


@dataclass(frozen=True, slots=True)
class _Cancel:
    id: str
    received: float


@dataclass(frozen=True, slots=True)
class _Steer:
    id: str
    instruction: Instruction


@dataclass(frozen=True, slots=True)
class _Tune:
    id: str
    tuning: Tuning


@dataclass(frozen=True, slots=True)
class _ForgetDraft:
    key: str


class _Close:
    """Last entry of the inbox; later entries are not read."""


_Command = GenerationRequest | Lookup | _Cancel | _Steer | _Tune | Draft | _ForgetDraft | _Close


class BatchingEngine:
    """The Engine port over a Model, with continuous batching in its own thread.

    The thread owns the model and the batcher. Other threads reach it only through the inbox and through
    ``model.abort``, which makes a running decode give up. ``turns``: shared by engines that compute in turns.
    ``draft_model`` proposes tokens; the engine closes it too.
    """

    def __init__(
        self,
        model: Model,
        options: EngineOptions | None = None,
        turns: StepTurns | None = None,
        draft_model: DraftModel | None = None,
    ) -> None:
        self._model = model
        self._draft_model = draft_model
        self._turns = turns or StepTurns()
        self._batcher = Batcher(model, options or EngineOptions(), self._hand_over, draft_model)
        self._thread = threading.Thread(target=self._main, name="engine", daemon=True)
        self._wake = threading.Condition()
        self._inbox: deque[_Command] = deque()
        self._failure: str | None = None
        self._refusal: str | None = None
        """Reason for rejecting commands; None while they are accepted. Guarded by the condition's lock, like the
        inbox."""
        self._listener: Listener = lambda updates: None
        self._turns.join(self, self._notify)

    # The Engine port, for any thread.

    @property
    def facts(self) -> EngineModelFacts:
        return self._model.facts

    @property
    def slots(self) -> int:
        return self._model.slots

    def start(self, listener: Listener) -> None:
        self._listener = listener
        self._thread.start()

    def tokenize(self, text: str, quoted: Ranges = ()) -> list[int]:
        return self._model.tokenize(text, quoted)

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        return self._model.pieces(tokens)

    def texts(self, tokens: Sequence[int]) -> list[bytes]:
        return self._model.texts(tokens)

    def continuation(self, text: str) -> list[int]:
        return self._model.continuation(text)

    def grammar(self, schema: Mapping[str, object] | JsonInText, *, compact: bool = False) -> str:
        return self._model.grammar(schema, compact=compact)

    def eta_ms(self) -> int | None:
        return self._batcher.eta_ms

    def submit(self, request: GenerationRequest) -> None:
        self._put_work(request)

    def look_up(self, lookup: Lookup) -> None:
        self._put_work(lookup)

    def read_ahead(self, draft: Draft) -> None:
        with contextlib.suppress(EngineDeadError):
            self._put(draft)

    def forget_draft(self, key: str) -> None:
        with contextlib.suppress(EngineDeadError):
            self._put(_ForgetDraft(key))

    def steer(self, id: str, instruction: Instruction) -> None:
        self._put(_Steer(id, instruction))

    def tune(self, id: str, tuning: Tuning) -> None:
        self._put(_Tune(id, tuning))

    def cancel(self, id: str, received: float) -> None:
        try:
            self._put(_Cancel(id, received))
        except EngineDeadError:
            return
        if self.aborts_for(id):
            self._model.abort()

    def aborts_for(self, id: str) -> bool:
        """Tell whether a cancel of ``id`` aborts the step that is running."""
        return id in self._batcher.abortable or (self._batcher.draft_in_step is not None and self._is_coming(id))

    def _is_coming(self, id: str) -> bool:
        return any(isinstance(command, GenerationRequest) and command.id == id for command in tuple(self._inbox))

    def stats(self) -> EngineStats:
        stats = self._batcher.stats
        return replace(
            stats,
            alive=self._thread.is_alive() and self._failure is None,
            failure=self._failure,
            queued=stats.queued + sum(isinstance(command, GenerationRequest) for command in tuple(self._inbox)),
        )

    def close(self) -> None:
        with self._wake:
            self._refusal = self._refusal or "the server is shutting down"
            self._inbox.append(_Close())
            self._wake.notify()
        if self._thread.ident is not None:
            self._model.abort()
            self._thread.join()
        self._turns.leave(self)
        if self._draft_model is not None:
            self._draft_model.close()
        self._model.close()

    def _put_work(self, work: Work) -> None:
        self._turns.set_working(self, True, work)
        try:
            self._put(work)
        except EngineDeadError:
            self._turns.set_working(self, False)
            raise

    def _end_draft_step(self, work: Work | None) -> None:
        """Abort the step that reads a draft, unless it reads what ``work`` needs."""
        step = self._batcher.draft_in_step
        if step is None or not isinstance(work, GenerationRequest) or not step.is_part_of(work):
            self._model.abort()

    def _put(self, command: _Command) -> None:
        with self._wake:
            if self._refusal is not None:
                raise EngineDeadError(self._refusal)
            self._inbox.append(command)
            self._wake.notify()

    def _notify(self) -> None:
        with self._wake:
            self._wake.notify()

    # The methods below run on the engine's thread.

    def _main(self) -> None:
        try:
            while self._take_inbox():
                if not self._batcher.idle:
                    self._turns.set_working(self, True)
                with self._turns:
                    self._step()
                self._turns.set_working(self, not self._batcher.idle)
        except Exception as error:  # whatever the error, no generation may be left open
            logger.exception("the engine's thread has died")
            self._fail(f"{type(error).__name__}: {error}")

    def _step(self) -> None:
        if not self._batcher.idle:
            self._batcher.step(interrupted=lambda: bool(self._inbox))
            return
        with self._turns.reading_draft(self._end_draft_step):
            self._batcher.draft_step(interrupted=lambda: bool(self._inbox) or not self._turns.quiet)

    def _take_inbox(self) -> bool:
        """Carry out the commands in the inbox; wait for one when there is nothing to compute. Returns False after
        ``close``.

        The abort is cleared before the inbox is read: a later cancel sets it again.
        """
        self._model.rearm()
        for command in self._next_commands():
            match command:
                case _Close():
                    self._batcher.close()
                    return False
                case _Cancel():
                    self._batcher.cancel(command.id, command.received)
                case _Steer():
                    self._batcher.steer(command.id, command.instruction)
                case _Tune():
                    self._batcher.tune(command.id, command.tuning)
                case Lookup():
                    self._batcher.look_up(command)
                case Draft():
                    self._batcher.put_draft(command)
                case _ForgetDraft():
                    self._batcher.forget_draft(command.key)
                case _:
                    self._batcher.add(command)
        return True

    def _next_commands(self) -> deque[_Command]:
        """Return the commands in the inbox. While there is nothing to compute, wait for one, and meanwhile write kept
        chats to disk."""
        while True:
            with self._wake:
                pause = QUIET_SECONDS if self._batcher.unwritten else None
                if self._wake.wait_for(lambda: self._inbox or self._has_work, pause):
                    commands, self._inbox = self._inbox, deque()
                    return commands
            self._batcher.write_one()

    @property
    def _has_work(self) -> bool:
        """True when there is something to compute, also a draft if it may be read now."""
        return not self._batcher.idle or (self._turns.quiet and not self._batcher.drafts_idle)

    def _fail(self, failure: str) -> None:
        """End the thread after a fault: reject new commands and end all generations."""
        refusal = f"the engine has stopped: {failure}"
        with self._wake:
            self._failure, self._refusal = failure, refusal
            commands, self._inbox = self._inbox, deque()
        for command in commands:
            if isinstance(command, GenerationRequest):
                self._batcher.add(command)
            elif isinstance(command, Lookup):
                self._batcher.look_up(command)
        self._turns.set_working(self, False)
        self._batcher.fail(refusal)

    def _hand_over(self, updates: list[Update]) -> None:
        self._listener(updates)
