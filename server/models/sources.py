"""Models that the server may load, from the list of this machine's models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.engine.base import SamplingParams
from server.engine.gguf_parts import parts_of
from server.engine.model_defaults import ModelDefaults
from server.models.catalogue import Catalogue, ModelFile
from server.models.header_facts import HeaderFacts, read_header
from server.models.memory import DEFAULT_CONTEXT, ChatSizes, memory_need


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """A model file that the server may load. ``full_name``: the name with its place, None outside of the list.

    ``size``: of the file and ``needs``: of the loaded model, in bytes. ``context``: tokens of one chat.
    """

    name: str
    full_name: str | None
    title: str | None
    path: Path
    size: int
    needs: int
    context: int
    architecture: str | None
    sampling: SamplingParams | None
    defaults: ModelDefaults


def listed_sources(catalogue: Catalogue, sizes: ChatSizes) -> tuple[ModelSource, ...]:
    """Return the models of the list that clients may name: those without a link that leads out of its place."""
    return tuple(_listed(model, sizes) for model in catalogue.models if not model.leads_out)


def chosen_source(path: Path, catalogue: Catalogue, defaults: ModelDefaults, sizes: ChatSizes) -> ModelSource:
    """Return the source of a file that the operator chose, under its name in the list or else the file's.

    Raises ModelError.
    """
    same = [model for model in catalogue.models if _is_same(path, model)]
    if same:  # models of Ollama may share their weights
        return _listed(next((model for model in same if model.defaults == defaults), same[0]), sizes)
    header = read_header(path, defaults=defaults)
    size = sum(part.stat().st_size for part in parts_of(path))
    return _source(path.stem, None, path, size, header, defaults, sizes)


def _listed(model: ModelFile, sizes: ChatSizes) -> ModelSource:
    return _source(model.name, model.full_name, model.path, model.size, model.header, model.defaults, sizes)


def _source(
    name: str,
    full_name: str | None,
    path: Path,
    size: int,
    header: HeaderFacts,
    defaults: ModelDefaults,
    sizes: ChatSizes,
) -> ModelSource:
    trained = min(filter(None, (header.context, defaults.context)), default=None)
    need = memory_need(size, header.kv_bytes or 0, trained, sizes)
    return ModelSource(
        name=name,
        full_name=full_name,
        title=header.title,
        path=path,
        size=size,
        needs=need.weights + need.kv,
        context=sizes.context or min(trained or DEFAULT_CONTEXT, DEFAULT_CONTEXT),
        architecture=header.architecture,
        sampling=header.recommended.sampling,
        defaults=defaults,
    )


def _is_same(path: Path, model: ModelFile) -> bool:
    try:
        return path.samefile(model.path)
    except OSError:
        return False
