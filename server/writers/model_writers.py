"""The writer of a server with several models: each request goes to the writer of its model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Final

from protocol.messages import Generate
from server.chat.wellknown import Origin
from server.engine.base import EngineModelFacts, EngineStats, Finished, FinishReason, GenerationRequest, Listener
from server.writers.endings import ended
from server.writers.local import LocalWriter
from server.writers.model_choice import named_model
from server.writers.writer_port import Prepared, PromptSize, ServedModel

_SUMS: Final = tuple(each.name for each in fields(EngineStats) if each.name not in ("alive", "failure"))


class ModelWriters:
    """Owns a writer for each model, and closes them. The first one has the default model. Names must be unique."""

    def __init__(self, writers: Sequence[LocalWriter]) -> None:
        self._default = writers[0]
        self._writers: Mapping[str, LocalWriter] = {writer.name: writer for writer in writers}

    @property
    def facts(self) -> EngineModelFacts:
        return self._default.facts

    @property
    def models(self) -> tuple[ServedModel, ...]:
        return tuple(model for writer in self._each() for model in writer.models)

    @property
    def template(self) -> Origin:
        return self._default.template

    @property
    def slots(self) -> int:
        return sum(writer.slots for writer in self._each())

    def identity(self, model: str) -> str:
        return self._writers[model].identity(model)

    def start(self, listener: Listener) -> None:
        for writer in self._each():
            writer.start(listener)

    def prepare(self, key: str, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        return self._for(body).prepare(key, body, written=written, received=received, principal=principal)

    def tokenize(self, model: str, text: str) -> list[int]:
        return self._writers[model].tokenize(model, text)

    def pieces(self, model: str, tokens: Sequence[int]) -> list[bytes]:
        return self._writers[model].pieces(model, tokens)

    def measure(self, body: Generate, written: str) -> PromptSize:
        return self._for(body).measure(body, written)

    def resumed(self, request: GenerationRequest, identity: str, received: float) -> GenerationRequest | Finished:
        identities = {writer.identity(name): writer for name, writer in self._writers.items()}
        if writer := identities.get(identity):
            return writer.resumed(request, identity, received)
        text = f"it was started with {identity}, and the server now runs {', '.join(identities)}; ask again"
        return ended(request, FinishReason.FAILED, text)

    def submit(self, request: GenerationRequest) -> None:
        self._writers[request.model].submit(request)

    def cancel(self, key: str, received: float) -> None:
        for writer in self._each():  # a writer ignores an unknown key
            writer.cancel(key, received)

    def eta_ms(self) -> int | None:
        known = [eta for writer in self._each() if (eta := writer.eta_ms()) is not None]
        return min(known, default=None)

    def stats(self) -> EngineStats:
        return total({name: writer.stats() for name, writer in self._writers.items()})

    def close(self) -> None:
        for writer in self._each():
            writer.close()

    def _each(self) -> Iterable[LocalWriter]:
        return self._writers.values()

    def _for(self, body: Generate) -> LocalWriter:
        """Return the writer of the model that ``body`` names. Raises RemoteProtocolError."""
        return self._writers[named_model(body, self.models)]


def total(stats: Mapping[str, EngineStats]) -> EngineStats:
    """Return the sums of several engines' counters, by the names of their models.

    ``alive`` only while all are; ``failure`` names the model of the first that has failed.
    """
    failures = [f"{name}: {each.failure}" for name, each in stats.items() if each.failure is not None]
    sums = {name: sum(getattr(each, name) for each in stats.values()) for name in _SUMS}
    alive = all(each.alive for each in stats.values())
    return EngineStats(alive=alive, failure=failures[0] if failures else None, **sums)
