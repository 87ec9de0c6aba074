"""The models of the server with their states: which are loaded, which wait, and what waits for them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from protocol.messages import ModelState
from server.engine.base import (
    EngineDeadError,
    EngineStats,
    Finished,
    FinishReason,
    GenerationRequest,
    Listener,
    Loading,
    Update,
)
from server.models.sources import ModelSource
from server.writers.endings import ended
from server.writers.local import LocalWriter
from server.writers.writer_port import ServedModel

logger = logging.getLogger(__name__)

COUNTERS: Final = (
    *("prompt_tokens", "completion_tokens", "cached_tokens", "preemptions", "steps"),
    *("proposed_tokens", "accepted_tokens"),
    *("busy_seconds", "decode_seconds", "sample_seconds"),
)
"""Fields of EngineStats that only grow."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for its model. ``number`` grows with each one. ``identity``: of the model whose tokens the
    request has."""

    request: GenerationRequest
    identity: str
    number: int


class HostedModel:
    """One model. Guarded by the lock of HostedModels. ``source`` None: it can't be loaded again, so it is kept."""

    def __init__(self, name: str, source: ModelSource | None, writer: LocalWriter | None = None) -> None:
        self.name = name
        self.source = source
        self.writer = writer
        self.state = ModelState.ON_DISK if writer is None else ModelState.LOADED
        self.done = 0
        """Bytes that are loaded, or have arrived."""
        self.error: str | None = None
        self.total: int | None = None
        """Bytes of the download, while it is downloaded."""
        self.is_wanted = False
        """It is loaded as soon as there is room, also if no request waits for it."""
        self.waiting: dict[str, Waiting] = {}
        self.running: dict[str, GenerationRequest] = {}
        """Requests that the writer has, by key."""
        self.calls = 0
        """Calls of the writer that are under way on other threads."""
        self.used = time.monotonic()
        """Time of the last use, in ``time.monotonic()`` seconds."""
        self.identity = "" if writer is None else writer.identity(name)
        """Identity for the journal, as of the last time that it was loaded."""
        self._facts = None if writer is None else writer.models[0]
        """Facts of the loaded model, kept when it is unloaded."""

    @property
    def needs(self) -> int:
        """Memory while it is loaded, in bytes; 0 when unknown."""
        return self.source.needs if self.source else 0

    @property
    def is_idle(self) -> bool:
        """True if it is loaded and can be unloaded."""
        return not (self.writer is None or self.source is None or self.waiting or self.running or self.calls)

    @property
    def is_active(self) -> bool:
        """True if it is loaded or downloaded, or something waits for it."""
        return (
            self.writer is not None or bool(self.waiting) or self.state in (ModelState.LOADING, ModelState.DOWNLOADING)
        )

    def downloading(self, done: int, total: int, error: str | None) -> None:
        """Note that ``done`` of ``total`` bytes are here. ``error``: the reason if the download has failed."""
        self.state, self.done, self.total, self.error = ModelState.DOWNLOADING, done, total, error

    def load_begun(self) -> None:
        self.state, self.done, self.error = ModelState.LOADING, 0, None

    def loaded(self, writer: LocalWriter) -> None:
        self.writer, self.state, self._facts = writer, ModelState.LOADED, writer.models[0]
        self.identity = writer.identity(self.name)
        self.is_wanted = False
        self.used = time.monotonic()

    def unloaded(self, error: str | None = None) -> None:
        """Note that it isn't loaded. ``error``: the reason if it has failed."""
        self.writer, self.is_wanted = None, False
        self.state, self.error = (ModelState.FAILED if error else ModelState.ON_DISK), error

    @property
    def served(self) -> ServedModel:
        """The model as clients see it."""
        source, is_loading = self.source, self.state in (ModelState.LOADING, ModelState.DOWNLOADING)
        total = source.size if source else self.total
        facts = self._facts or ServedModel(self.name, None, None, 0)
        if source:
            facts = facts._replace(
                context=facts.context or source.context,
                slots=facts.slots or source.slots,
                size=source.size,
                needs=source.needs,
                full_name=source.full_name,
                title=facts.title or source.title,
                architecture=facts.architecture or source.architecture,
                sampling=facts.sampling or source.sampling,
            )
        return facts._replace(
            name=self.name,
            state=self.state,
            error=self.error,
            done=self.done if is_loading and total else None,
            total=total if is_loading else None,
        )


class HostedModels:
    """Owns every model of the server, the first one the default. All threads hold ``changed`` while they use it."""

    def __init__(self, models: Sequence[HostedModel]) -> None:
        self.changed = threading.Condition()
        self.default = models[0]
        self.by_name = {model.name: model for model in models}
        self.is_closing = False
        self.is_started = False
        self.dead: list[LocalWriter] = []
        """Writers whose engine has died, which are still to be closed."""
        self.retired = EngineStats(slots=0)
        """Counters of the engines that are not used any more."""
        self._numbers = count()
        self._listener: Listener = lambda updates: None
        self._models_changed: Callable[[], None] = lambda: None
        self._served: tuple[ServedModel, ...] | None = None

    def start(self, listener: Listener, models_changed: Callable[[], None]) -> None:
        self._listener, self._models_changed = listener, models_changed
        for model in tuple(self.each()):
            if model.writer is not None:
                self.start_writer(model, model.writer)
        self.is_started = True

    def start_writer(self, model: HostedModel, writer: LocalWriter) -> None:
        writer.start(lambda updates: self._deliver(model, updates))

    def each(self) -> Iterable[HostedModel]:
        return self.by_name.values()

    def make_default(self, model: HostedModel) -> None:
        """Make a model the default one, the first of the list."""
        with self.changed:
            self.default = model
            self.by_name = {model.name: model} | self.by_name

    @property
    def served(self) -> tuple[ServedModel, ...]:
        with self.changed:
            if self._served is None:
                self._served = tuple(model.served for model in self.each())
            return self._served

    def publish(self) -> None:
        """Tell clients and waiting threads that a model has changed."""
        with self.changed:
            self._served = None
            self.changed.notify_all()
        self._models_changed()

    def emit(self, *updates: Update) -> None:
        self._listener(updates)

    @contextmanager
    def used(self, model: HostedModel) -> Iterator[LocalWriter | None]:
        """Keep the model's writer for the block; None if it isn't loaded."""
        with self.changed:
            writer = model.writer
            model.calls += 1
        try:
            yield writer
        finally:
            with self.changed:
                model.calls -= 1
                model.used = time.monotonic()
                self.changed.notify_all()

    def submit(self, request: GenerationRequest, identity: str = "") -> None:
        """Give a request to its model's writer, or let it wait until the model is loaded."""
        with self.changed:
            model = self.by_name.get(request.model)
            if model is None:
                text = f"the model {request.model} is not on this machine any more; ask again with another one"
                return self.emit(ended(request, FinishReason.FAILED, text))
            if model.writer is not None and not request.unprepared and self.hand_over(model, model.writer, request):
                return
            model.waiting[request.id] = Waiting(request, identity or model.identity, next(self._numbers))
            if model.writer is None and model.state is not ModelState.LOADING:
                model.load_begun()
            if model.source and model.writer is None:
                self.emit(Loading(request.id, model.done, model.source.size))
        self.publish()

    def hand_over(self, model: HostedModel, writer: LocalWriter, request: GenerationRequest) -> bool:
        """Submit a request to the writer of its model. Returns False if that has died."""
        model.running[request.id] = request
        try:
            writer.submit(request)
        except EngineDeadError as error:
            del model.running[request.id]
            self.died(model, writer, str(error))
            return False
        return True

    def died(self, model: HostedModel, writer: LocalWriter, reason: str) -> None:
        """Note that the model's engine has ended, and end the answers that it was writing. The next request loads the
        model again."""
        with self.changed:
            if model.writer is not writer or self.is_closing:
                return
            logger.error("the engine of the model %s has died: %s; the next request loads it again", model.name, reason)
            self.dead.append(writer)
            self.release(model, writer, error=reason)
            running, model.running = model.running, {}
            text = f"the engine of {model.name} has died: {reason}; ask again"
            self.emit(*(ended(request, FinishReason.FAILED, text) for request in running.values()))
        self.publish()

    def release(self, model: HostedModel, writer: LocalWriter, error: str | None = None) -> None:
        """Take the writer from its model. The caller closes it."""
        model.unloaded(error)
        self.retired = with_counters(self.retired, writer.stats())

    def _deliver(self, model: HostedModel, updates: Sequence[Update]) -> None:
        """Pass the updates of one step on. Called on the thread of the model's engine."""
        self._listener(updates)
        finished = [update.id for update in updates if isinstance(update, Finished)]
        if not finished:
            return
        with self.changed:
            for key in finished:
                model.running.pop(key, None)
            model.used = time.monotonic()
            self.changed.notify_all()


def with_counters(sums: EngineStats, stats: EngineStats) -> EngineStats:
    """Return ``sums`` with the counters of an engine that is not used any more, without what it holds now."""
    return replace(sums, **{name: getattr(sums, name) + getattr(stats, name) for name in COUNTERS})
