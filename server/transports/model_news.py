"""Changes of the models that a client hasn't been sent yet (PROTOCOL 5.12)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import asdict

from protocol.messages import Model, ModelEntry, RecommendedSampling
from server.engine.base import SamplingParams
from server.generations.registry import Registry
from server.guard.connection_access import ConnectionAccess
from server.writers.writer_port import ServedModel


class ModelNews:
    """Owns the state of each model as the client was last sent it. Belongs to the connection's sender."""

    def __init__(self) -> None:
        self._known: dict[str, ServedModel] = {}

    def greeted(self, models: Iterable[ServedModel]) -> None:
        """Record the models of the client's `welcome`."""
        self._known = {model.name: model for model in models}

    def changes(self, models: Iterable[ServedModel]) -> Iterator[Model]:
        """Yield a message for each model that differs from what the client knows, and record that it was sent."""
        now = {model.name: model for model in models}
        before, self._known = self._known, now
        first, earlier = next(iter(now), None), next(iter(before), None)
        for name, model in now.items():
            is_new_default = name == first != earlier
            if before.get(name) != model or is_new_default:
                yield Model(**asdict(entry_of(model)), default=is_new_default)
        for name, model in before.items():
            if name not in now:
                yield Model(**asdict(entry_of(model)), deleted=True)


def greeted_models(registry: Registry, access: ConnectionAccess) -> tuple[ServedModel, ...]:
    """Return the models that `welcome` names: before a needed `hello` only the default one."""
    models = registry.writer.models
    return models if access.admitted else models[:1]


def entry_of(model: ServedModel) -> ModelEntry:
    """Return a model as `welcome` and `model` send it."""
    return ModelEntry(
        name=model.name,
        state=model.state.value,
        context=model.context,
        size=model.size,
        needs=model.needs,
        done=model.done,
        total=model.total,
        error=model.error,
        title=model.title,
        architecture=model.architecture,
        parameters=model.parameters,
        template=model.template,
        stop=None if model.confirms_stop else "asked",
        sampling=sampling_of(model.sampling),
        efforts=model.efforts,
        features=model.features,
    )


def sampling_of(sampling: SamplingParams | None) -> RecommendedSampling | None:
    if sampling is None:
        return None
    return RecommendedSampling(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=max(0, sampling.top_k),
        min_p=sampling.min_p,
        repeat_penalty=sampling.repeat_penalty,
    )
