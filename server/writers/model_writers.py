"""The writer of a server with several models: each request goes to the writer of its model, which is loaded first if
need be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace as replaced

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate, ModelState, Params, Tune
from server.engine.base import (
    Draft,
    EngineDeadError,
    EngineStats,
    Finished,
    FinishReason,
    GenerationRequest,
    Instruction,
    Listener,
    Lookup,
    ModelError,
    SamplingParams,
    Tuning,
)
from server.models.memory import size_text
from server.models.sources import ModelSource
from server.writers.endings import ended, stopped
from server.writers.hosted_models import HostedModel, HostedModels
from server.writers.local import LocalWriter
from server.writers.merged_models import merged_models
from server.writers.model_choice import named_model
from server.writers.model_loader import Load, ModelLoader, Progress, unprepared
from server.writers.request_errors import refusal
from server.writers.writer_port import Forked, Prepared, PromptSize, ServedModel, TemplateOrigin

_SUMS: Final = tuple(each.name for each in fields(EngineStats) if each.name not in ("alive", "failure"))

REFRESH_SECONDS: Final = 5.0
"""Shortest interval between two readings of the list because of an unknown name, in seconds."""

T = TypeVar("T")

Sources = Callable[[], Sequence[ModelSource]]
"""Reads the list of models that may be loaded."""


def load_nothing(source: ModelSource, progress: Progress) -> LocalWriter:
    """Refuse to load a model: this server has only those that it was started with."""
    raise ModelError(f"{source.name}: this server loads no further models")


class ModelWriters:
    """Owns a writer for each loaded model, and closes them.

    ``writers``: the models that are loaded from the start, with their source if they may be unloaded. The first one is
    the default model. Names must be unique. ``sources`` reads the list of the other models, ``load`` loads one.
    ``memory``: bytes for all loaded models together; None: no limit. ``reads_ahead``: drafts are read.
    """

    def __init__(
        self,
        writers: Sequence[tuple[LocalWriter, ModelSource | None]],
        *,
        sources: Sources = tuple,
        load: Load = load_nothing,
        memory: int | None = None,
        reads_ahead: bool = True,
    ) -> None:
        self._chosen = [HostedModel(writer.name, source, writer) for writer, source in writers]
        self._models = HostedModels(self._chosen)
        self._sources = sources
        self._loader = ModelLoader(self._models, load, memory)
        self._memory = memory
        self.reads_ahead = reads_ahead
        self._refreshed = -REFRESH_SECONDS
        self._identities: dict[str, str] = {}
        """Identities of the models of resumed requests, by key, until these are submitted."""
        self.refresh()

    @property
    def facts(self) -> ServedModel:
        default = self.models[0]
        return default._replace(name=default.title or default.name)

    @property
    def models(self) -> tuple[ServedModel, ...]:
        return self._models.served

    @property
    def memory(self) -> int | None:
        """Bytes for all loaded models together; None: no limit."""
        return self._memory

    @property
    def template(self) -> TemplateOrigin:
        return self.models[0].template or "gguf"

    @property
    def slots(self) -> int:
        return sum(writer.slots for writer in self._loaded().values())

    def identity(self, model: str) -> str:
        hosted = self._models.by_name.get(model)
        return hosted.identity if hosted else ""

    def start(self, listener: Listener, models_changed: Callable[[], None] = lambda: None) -> None:
        self._models.start(listener, models_changed)
        self._loader.start()

    def refresh(self) -> None:
        found = self._sources()
        with self._models.changed:
            self._refreshed = time.monotonic()
            self._models.by_name = merged_models(self._chosen, tuple(self._models.each()), found)
        self._models.publish()

    def downloading(self, name: str, progress: tuple[int, int] | None, error: str | None = None) -> None:
        """List a model that is being downloaded. ``progress``: bytes that have arrived, and all; None: it is not
        downloaded any more. ``error``: the reason if the download has failed. Does nothing if another model has the
        name."""
        with self._models.changed:
            model = self._models.by_name.get(name)
            if model is not None and model.state is not ModelState.DOWNLOADING:
                return
            if progress is None:
                self._models.by_name.pop(name, None)
            else:
                model = self._models.by_name.setdefault(name, HostedModel(name, None))
                model.downloading(*progress, error)
        self._models.publish()

    def prefer(self, path: Path, before: Callable[[str], None]) -> str | None:
        """Load the model of a file, and make it the default one. Returns its name; None if it can't be loaded.

        Waits until it is loaded. ``before`` is then called with the name of the earlier default. Not for an event loop.
        """
        self.refresh()
        with self._models.changed:
            model = next((each for each in self._models.each() if each.source and each.source.path == path), None)
            if model is None:
                return None
            model.is_wanted = model.writer is None
            self._models.changed.notify_all()
            self._models.changed.wait_for(lambda: not model.is_wanted or self._models.is_closing)
            if model.writer is None:
                return None
        before(self._models.default.name)
        with self._models.changed:
            self._chosen = [model, *(each for each in self._chosen if each is not model)]
            self._models.make_default(model)
        self._models.publish()
        return model.name

    def loaded_files(self) -> tuple[Path, ...]:
        """Return the files of the loaded models, which must not be deleted."""
        return tuple(model.source.path for model in self._loaded() if model.source)

    def prepare(self, key: str, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        model = self._for(body)
        body = replaced(body, model=model.name)
        with self._models.used(model) as writer:
            if writer is not None:
                try:
                    return writer.prepare(key, body, written=written, received=received, principal=principal)
                except EngineDeadError as error:
                    self._models.died(model, writer, str(error))
        self._refuse_missing(body, model)
        self._refuse_too_large(body, model)
        request = GenerationRequest(
            id=key,
            prompt=(),
            sampling=SamplingParams(),
            received=received,
            principal=principal,
            model=model.name,
            unprepared=unprepared(body, written),
            temporary=body.temporary,
        )
        return Prepared(request, 0)

    def tokenize(self, model: str, text: str, *, plain: bool = False) -> list[int]:
        return self._call(model, lambda writer: writer.tokenize(model, text, plain=plain))

    def pieces(self, model: str, tokens: Sequence[int]) -> list[bytes]:
        return self._call(model, lambda writer: writer.pieces(model, tokens))

    def measure(self, body: Generate, written: str) -> PromptSize:
        name = self._for(body).name
        return self._call(name, lambda writer: writer.measure(replaced(body, model=name), written))

    def prepare_draft(self, key: str, body: Generate, *, principal: str) -> Draft | None:
        model = self._for(body)
        with self._models.used(model) as writer:
            if writer is None:
                return None
            return writer.prepare_draft(key, replaced(body, model=model.name), principal=principal)

    def read_ahead(self, draft: Draft) -> None:
        for model, writer in self._loaded().items():
            if model.name == draft.model:
                writer.read_ahead(draft)
            else:
                writer.forget_draft(draft.key)

    def forget_draft(self, key: str) -> None:
        for writer in self._loaded().values():
            writer.forget_draft(key)

    def resumed(self, request: GenerationRequest, identity: str, received: float) -> GenerationRequest | Finished:
        model = self._models.by_name.get(request.model) or self._with_identity(identity)
        request = replace(request, received=received)
        if model is None:
            text = f"it was started with {identity or request.model}, which this server does not have; ask again"
            return ended(request, FinishReason.FAILED, text)
        request = replace(request, model=model.name)
        if request.unprepared:
            return request
        with self._models.used(model) as writer:
            if writer is not None:
                return writer.resumed(request, identity, received)
        self._identities[request.id] = identity
        return request

    def submit(self, request: GenerationRequest) -> None:
        self._models.submit(request, self._identities.pop(request.id, ""))

    def instruction(self, model: str, body: Generate, content: str) -> Instruction:
        with self._models.used(self._models.by_name[model]) as writer:
            if writer is None:
                text = f"the model {model} is still being loaded; send the instruction once the answer has begun"
                raise RemoteProtocolError(ErrorCode.BUSY, text)
            return writer.instruction(model, body, content)

    def steer(self, key: str, model: str, instruction: Instruction) -> None:
        self._call(model, lambda writer: writer.steer(key, model, instruction))

    def tuning(self, model: str, body: Generate, message: Tune) -> Tuning:
        with self._models.used(self._models.by_name[model]) as writer:
            if writer is None:
                text = f"the model {model} is still being loaded; tune the answer once it has begun"
                raise RemoteProtocolError(ErrorCode.BUSY, text)
            return writer.tuning(model, body, message)

    def tune(self, key: str, model: str, tuning: Tuning) -> None:
        self._call(model, lambda writer: writer.tune(key, model, tuning))

    def fork(self, body: Generate, form: Generate, taken: GenerationRequest, tuned: Params) -> Forked:
        return self._call(taken.model, lambda writer: writer.fork(body, form, taken, tuned))

    def look_up(self, model: str, lookup: Lookup) -> None:
        self._call(model, lambda writer: writer.look_up(model, lookup))

    def cancel(self, key: str, received: float) -> None:
        with self._models.changed:
            waiting = [model for model in self._models.each() if key in model.waiting]
            for model in waiting:
                request = model.waiting.pop(key).request
                self._models.emit(stopped(request, received, time.monotonic()))
            writers = [model.writer for model in self._models.each() if model.writer and key in model.running]
        for writer in writers:
            writer.cancel(key, received)
        if waiting:
            self._models.publish()

    def eta_ms(self) -> int | None:
        known = [eta for writer in self._loaded().values() if (eta := writer.eta_ms()) is not None]
        return min(known, default=None)

    def stats(self) -> EngineStats:
        """Return the sums of all engines. ``alive`` until the server closes: one that dies only ends its own answers,
        and its model's state says so."""
        stats = {model: (writer, writer.stats()) for model, writer in self._loaded().items()}
        for model, (writer, each) in stats.items():
            if self._models.is_started and not each.alive:
                self._models.died(model, writer, each.failure or "its thread has ended")
        waiting = sum(len(model.waiting) for model in self._each())
        sums = total([self._models.retired, *(each for _, each in stats.values())])
        return replace(
            sums, alive=self._models.is_started and not self._models.is_closing, queued=sums.queued + waiting
        )

    def close(self) -> None:
        with self._models.changed:
            self._models.is_closing = True
            self._models.changed.notify_all()
        self._loader.close()
        for model in self._each():
            for waiting in model.waiting.values():
                self._models.emit(ended(waiting.request, FinishReason.INTERRUPTED))
            model.waiting = {}
        for writer in (*self._models.dead, *self._loaded().values()):
            writer.close()

    def _each(self) -> Iterable[HostedModel]:
        with self._models.changed:
            return tuple(self._models.each())

    def _loaded(self) -> Mapping[HostedModel, LocalWriter]:
        with self._models.changed:
            return {model: model.writer for model in self._models.each() if model.writer is not None}

    def _for(self, body: Generate) -> HostedModel:
        """Return the model that ``body`` names. Raises RemoteProtocolError."""
        try:
            return self._models.by_name[named_model(body, self.models)]
        except RemoteProtocolError:
            if time.monotonic() - self._refreshed < REFRESH_SECONDS:
                raise
        self.refresh()  # the file may be new
        return self._models.by_name[named_model(body, self.models)]

    def _with_identity(self, identity: str) -> HostedModel | None:
        return next((model for model in self._each() if identity and model.identity == identity), None)

    def _call(self, name: str, call: Callable[[LocalWriter], T]) -> T:
        """Return what ``call`` returns for the writer of this model. Raises RemoteProtocolError if it isn't loaded."""
        model = self._models.by_name.get(name)
        if model is None:
            text = f"model: this server has the model {name} no more"
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text, field="model")
        with self._models.used(model) as writer:
            if writer is None:
                text = f"the model {name} is not loaded; the next answer that it writes loads it"
                raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text, field="model")
            return call(writer)

    def _refuse_missing(self, body: Generate, model: HostedModel) -> None:
        if model.state is not ModelState.DOWNLOADING:
            return
        progress = f"{size_text(model.done)} of {size_text(model.total or 0)} are here"
        text = f"model: {model.name} is still being downloaded ({progress}); choose another model until then"
        if model.error:
            text = f"model: {model.name} is not here: {model.error}; choose another model"
        raise refusal(body, ErrorCode.UNSUPPORTED, text, field="model")

    def _refuse_too_large(self, body: Generate, model: HostedModel) -> None:
        if self._memory is None or model in self._chosen or model.needs <= self._memory:
            return
        text = (
            f"model: {model.name} needs {size_text(model.needs)} of memory, and models may take "
            f"{size_text(self._memory)} here (--model-memory); choose a smaller model, or a smaller --context"
        )
        raise refusal(body, ErrorCode.UNSUPPORTED, text, field="model")


def total(each: Iterable[EngineStats]) -> EngineStats:
    """Return the sums of several engines' counters."""
    stats = tuple(each)
    return EngineStats(**{name: sum(getattr(one, name) for one in stats) for name in _SUMS})
