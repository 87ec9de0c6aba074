"""The models of a server with several: those of its start, and those that a new reading of the list has found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from server.models.sources import ModelSource
from server.writers.hosted_models import HostedModel


def merged_models(
    chosen: Sequence[HostedModel], known: Iterable[HostedModel], found: Iterable[ModelSource]
) -> dict[str, HostedModel]:
    """Return the models by their names: those chosen at the start, those of the list, and further ones in use."""
    models = {model.name: model for model in chosen}
    before = {model.name: model for model in known}
    for source in found:
        if any(_is_chosen(source, model.source) for model in chosen):
            continue
        name = source.name if source.name not in models else (source.full_name or source.name)
        named, old = replace(source, name=name), before.get(name)
        if name not in models:
            is_kept = old is not None and old.source and (old.is_active or old.source == named)
            models[name] = old if old and is_kept else HostedModel(name, named)
    return models | {name: model for name, model in before.items() if name not in models and model.is_active}


def _is_chosen(source: ModelSource, chosen: ModelSource | None) -> bool:
    return chosen is not None and chosen.path == source.path and chosen.full_name in (None, source.full_name)
