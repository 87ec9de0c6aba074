"""The writer of a server with models from several places: those of this machine, and those of each upstream."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from msgspec.structs import replace as replaced

from protocol.errors import RemoteProtocolError
from protocol.messages import Generate, Params, Tune
from server.engine.base import Draft, EngineStats, Finished, GenerationRequest, Instruction, Listener, Lookup, Tuning
from server.writers.model_choice import named_model
from server.writers.model_writers import total
from server.writers.writer_port import Facts, Forked, Prepared, PromptSize, ServedModel, TemplateOrigin, Writer

REFRESH_SECONDS: Final = 5.0
"""Shortest interval between two readings of all lists because of an unknown name, in seconds."""


class JointWriter:
    """Owns several writers, and closes them. A request goes to the writer of the model that it names.

    ``writers``: each with the beginning of its models' names, which may be empty for one of them. The first one has the
    default model.
    """

    def __init__(self, writers: Sequence[tuple[str, Writer]]) -> None:
        self._writers = tuple(writers)
        self._refreshed = time.monotonic()

    @property
    def facts(self) -> Facts:
        return self._writers[0][1].facts

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """The models of all writers. If two have one name, the first one has it."""
        named: dict[str, ServedModel] = {}
        for _, writer in self._writers:
            for model in writer.models:
                named.setdefault(model.name, model)
        return tuple(named.values())

    @property
    def template(self) -> TemplateOrigin:
        return self._writers[0][1].template

    @property
    def slots(self) -> int:
        return sum(writer.slots for _, writer in self._writers)

    def identity(self, model: str) -> str:
        return self._of(model).identity(model)

    def start(self, listener: Listener, models_changed: Callable[[], None] = lambda: None) -> None:
        for _, writer in self._writers:
            writer.start(listener, models_changed)

    def refresh(self) -> None:
        self._refreshed = time.monotonic()
        for _, writer in self._writers:
            writer.refresh()

    def prepare(self, key: str, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        name = self._named(body)
        body = replaced(body, model=name)
        return self._of(name).prepare(key, body, written=written, received=received, principal=principal)

    def tokenize(self, model: str, text: str, *, plain: bool = False) -> list[int]:
        return self._of(model).tokenize(model, text, plain=plain)

    def pieces(self, model: str, tokens: Sequence[int]) -> list[bytes]:
        return self._of(model).pieces(model, tokens)

    def measure(self, body: Generate, written: str) -> PromptSize:
        name = self._named(body)
        return self._of(name).measure(replaced(body, model=name), written)

    @property
    def reads_ahead(self) -> bool:
        """True if any writer does. The others ignore drafts."""
        return any(writer.reads_ahead for _, writer in self._writers)

    def prepare_draft(self, key: str, body: Generate, *, principal: str) -> Draft | None:
        name = self._named(body)
        writer = self._of(name)
        if not writer.reads_ahead:
            return None
        return writer.prepare_draft(key, replaced(body, model=name), principal=principal)

    def read_ahead(self, draft: Draft) -> None:
        reader = self._of(draft.model)
        for _, writer in self._writers:
            if writer is not reader:
                writer.forget_draft(draft.key)
        reader.read_ahead(draft)

    def forget_draft(self, key: str) -> None:
        for _, writer in self._writers:
            writer.forget_draft(key)

    def resumed(self, request: GenerationRequest, identity: str, received: float) -> GenerationRequest | Finished:
        return self._of(request.model).resumed(request, identity, received)

    def submit(self, request: GenerationRequest) -> None:
        self._of(request.model).submit(request)

    def instruction(self, model: str, body: Generate, content: str) -> Instruction:
        return self._of(model).instruction(model, body, content)

    def steer(self, key: str, model: str, instruction: Instruction) -> None:
        self._of(model).steer(key, model, instruction)

    def tuning(self, model: str, body: Generate, message: Tune) -> Tuning:
        return self._of(model).tuning(model, body, message)

    def tune(self, key: str, model: str, tuning: Tuning) -> None:
        self._of(model).tune(key, model, tuning)

    def fork(self, body: Generate, form: Generate, taken: GenerationRequest, tuned: Params) -> Forked:
        return self._of(taken.model).fork(body, form, taken, tuned)

    def look_up(self, model: str, lookup: Lookup) -> None:
        self._of(model).look_up(model, lookup)

    def cancel(self, key: str, received: float) -> None:
        """Cancel it in every writer: all but one don't know the key, and ignore it."""
        for _, writer in self._writers:
            writer.cancel(key, received)

    def eta_ms(self) -> int | None:
        known = [eta for _, writer in self._writers if (eta := writer.eta_ms()) is not None]
        return min(known, default=None)

    def stats(self) -> EngineStats:
        """Return the sums of all writers. The first failure is the one of the server."""
        stats = [writer.stats() for _, writer in self._writers]
        failure = next((each.failure for each in stats if each.failure), None)
        return replace(total(stats), alive=all(each.alive for each in stats), failure=failure)

    def close(self) -> None:
        for _, writer in self._writers:
            writer.close()

    def _named(self, body: Generate) -> str:
        """Return the name of the model that ``body`` names. Raises RemoteProtocolError."""
        try:
            return named_model(body, self.models)
        except RemoteProtocolError:
            if time.monotonic() - self._refreshed < REFRESH_SECONDS:
                raise
        self.refresh()  # an upstream may have a new model, or be back
        return named_model(body, self.models)

    def _of(self, name: str) -> Writer:
        """Return the writer of the model with this name. A name that no model has now is looked up by its beginning."""
        for _, writer in self._writers:
            if any(model.name == name for model in writer.models):
                return writer
        found = [(prefix, writer) for prefix, writer in self._writers if name.startswith(prefix)]
        return max(found, key=lambda each: len(each[0]), default=self._writers[0])[1]
