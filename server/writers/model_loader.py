"""The thread that loads and unloads models, one at a time, within the memory that they may take."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from protocol.errors import RemoteProtocolError
from protocol.messages import Generate
from server.chat.template import ChatTemplateError
from server.engine.base import (
    EngineError,
    Finished,
    FinishReason,
    GenerationRequest,
    LoadAbandonedError,
    Loading,
    PromptMade,
)
from server.logs import described
from server.models.sources import ModelSource
from server.resources import return_memory
from server.writers.endings import ended
from server.writers.hosted_models import HostedModel, HostedModels, Waiting
from server.writers.local import LocalWriter
from server.writers.writer_port import Prepared

logger = logging.getLogger(__name__)

PROGRESS_SECONDS: Final = 0.1
"""Shortest interval between two reports of a load's progress, in seconds."""

Progress = Callable[[float], bool]
"""Called with the part of a model that is loaded, from 0 to 1. Returns False once nothing waits for the model."""

Load = Callable[[ModelSource, Progress], LocalWriter]
"""Loads a model as a writer that is not started. Raises EngineError or ChatTemplateError."""

Unprepared = tuple[Generate, str]
"""A request and the text of the answer that it continues, for ``GenerationRequest.unprepared``."""


class ModelLoader:
    """Owns the thread. ``memory``: bytes for the loaded models together; None: no limit."""

    def __init__(self, models: HostedModels, load: Load, memory: int | None) -> None:
        self._models = models
        self._load = load
        self._memory = memory
        self._thread = threading.Thread(target=self._main, name="models", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the thread. A running load is abandoned; set ``models.is_closing`` before."""
        if self._thread.ident is not None:
            self._thread.join()

    # The methods below run on the thread.

    def _main(self) -> None:
        while (model := self._next()) is not None:
            try:
                self._serve(model)
            except Exception as error:  # whatever it is, other models go on
                logger.exception("a fault in loading the model %s", model.name)
                self._failed(model, f"a fault in the server: {described(error)}")

    def _next(self) -> HostedModel | None:
        """Wait for a model that is needed and for which there is room. Returns None at the end."""
        models = self._models
        while True:
            with models.changed:
                while not models.is_closing and not models.dead and (found := self._first()) is None:
                    models.changed.wait()
                if models.is_closing:
                    return None
                dead, models.dead = models.dead, []
            if not dead:
                return found
            for writer in dead:
                writer.close()
            return_memory()

    def _first(self) -> HostedModel | None:
        waiting = [model for model in self._models.each() if model.waiting]
        waiting.sort(key=lambda model: next(iter(model.waiting.values())).number)
        waiting += [model for model in self._models.each() if model.is_wanted and not model.waiting]
        return next((model for model in waiting if model.writer is not None or self._has_room(model)), None)

    def _has_room(self, model: HostedModel) -> bool:
        busy = sum(other.needs for other in self._models.each() if other.writer is not None and not other.is_idle)
        return self._memory is None or busy + model.needs <= self._memory or busy == 0

    def _serve(self, model: HostedModel) -> None:
        if model.writer is None:
            self._make_room(model)
            if not self._loaded(model):
                return
        while (waiting := self._first_waiting(model)) is not None:
            self._submit(model, waiting)

    def _make_room(self, model: HostedModel) -> None:
        """Unload idle models, the least recently used first, until the model fits."""
        while (idle := self._to_unload(model)) is not None:
            idle.close()
            return_memory()
            self._models.publish()

    def _to_unload(self, model: HostedModel) -> LocalWriter | None:
        with self._models.changed:
            loaded = [other for other in self._models.each() if other.writer is not None]
            needed = sum(other.needs for other in loaded) + model.needs
            idle = [other for other in loaded if other.is_idle]
            if self._memory is None or needed <= self._memory or not idle:
                return None
            oldest = min(idle, key=lambda other: other.used)
            writer = oldest.writer
            assert writer is not None
            self._models.release(oldest, writer)
            return writer

    def _loaded(self, model: HostedModel) -> bool:
        """Load the model. Returns False if that failed or was abandoned."""
        source = model.source
        if source is None:
            self._failed(model, f"{model.name} can't be loaded again; restart the server")
            return False
        with self._models.changed:
            model.load_begun()
        self._models.publish()
        try:
            writer = self._load(source, self._reporter(model, source))
        except LoadAbandonedError:
            self._abandoned(model)
            return False
        except (EngineError, ChatTemplateError) as error:
            self._failed(model, _without_path(str(error), source))
            return False
        self._models.start_writer(model, writer)
        with self._models.changed:
            model.loaded(writer)
        self._models.publish()
        return True

    def _reporter(self, model: HostedModel, source: ModelSource) -> Progress:
        last = time.monotonic()

        def report(part: float) -> bool:
            nonlocal last
            with self._models.changed:
                if self._models.is_closing or not (model.waiting or model.is_wanted):
                    return False
                if (now := time.monotonic()) - last < PROGRESS_SECONDS:
                    return True
                last, model.done = now, int(part * source.size)
                self._models.emit(*(Loading(key, model.done, source.size) for key in model.waiting))
            self._models.publish()
            return True

        return report

    def _abandoned(self, model: HostedModel) -> None:
        with self._models.changed:
            if not model.waiting:  # otherwise a request came after the load had ended: it is loaded anew
                model.unloaded()
        self._models.publish()

    def _failed(self, model: HostedModel, reason: str) -> None:
        logger.warning("the model %s was not loaded: %s", model.name, reason)
        with self._models.changed:
            if model.writer is None:
                model.unloaded(error=reason)
            ends = [ended(each.request, FinishReason.FAILED, reason) for each in model.waiting.values()]
            model.waiting = {}
            self._models.emit(*ends)
        self._models.publish()

    def _first_waiting(self, model: HostedModel) -> Waiting | None:
        with self._models.changed:
            return None if model.writer is None else next(iter(model.waiting.values()), None)

    def _submit(self, model: HostedModel, waiting: Waiting) -> None:
        models, key = self._models, waiting.request.id
        with models.used(model) as writer:
            if writer is None:
                return
            ready = _ready(writer, waiting)
            with models.changed:
                if model.waiting.pop(key, None) is None:  # cancelled meanwhile
                    return
                if isinstance(ready, Finished):
                    return models.emit(ready)
                if isinstance(ready, Prepared):
                    ready, dropped = ready
                    models.emit(PromptMade(ready, writer.identity(model.name), dropped))
                if not models.hand_over(model, writer, ready):
                    models.emit(ended(ready, FinishReason.FAILED, f"the engine of {model.name} has died; ask again"))


def _without_path(text: str, source: ModelSource) -> str:
    """Return an error with the model's name in place of its path, which is none of the clients' business."""
    text = text.replace(str(source.path), source.name)
    if source.draft:
        text = text.replace(str(source.draft.path), source.draft.path.stem)
    return text.replace(str(source.path.parent), "its folder")


def unprepared(body: Generate, written: str) -> str:
    """Return the text for ``GenerationRequest.unprepared``. ``written``: the text of the answer that it continues."""
    return msgspec.json.encode((body, written)).decode()


def _ready(writer: LocalWriter, waiting: Waiting) -> GenerationRequest | Prepared | Finished:
    """Return the request, Prepared if its prompt was made here, or its end if there can't be one."""
    request = waiting.request
    if not request.unprepared:
        return writer.resumed(request, waiting.identity, request.received)
    body, written = msgspec.json.decode(request.unprepared, type=Unprepared)
    try:
        return writer.prepare(request.id, body, written=written, received=request.received, principal=request.principal)
    except RemoteProtocolError as error:
        return ended(request, FinishReason.FAILED, error.message, error.code)
