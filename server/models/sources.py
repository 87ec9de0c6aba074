"""Models that the server may load, from the list of this machine's models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from server.engine.base import SamplingParams
from server.engine.gguf_parts import parts_of
from server.engine.model_defaults import ModelDefaults
from server.model_options import NO_OPTIONS, ModelOptions
from server.models.catalogue import Catalogue, ModelFile
from server.models.draft_models import DraftModelFile, find_draft_model
from server.models.header_facts import HeaderFacts, read_header
from server.models.memory import PARALLEL, ChatSizes, MemoryNeed, memory_need
from server.models.models_file import ModelsFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """A model file that the server may load. ``full_name``: the name with its place, None outside of the list.

    ``size``: of the file in bytes. ``need``: memory of the loaded model. ``context``: tokens of one chat. ``slots``:
    answers that are computed at the same time. ``options`` are those in models.toml. ``draft``: small model that
    proposes tokens; ``need`` includes it.
    """

    name: str
    full_name: str | None
    title: str | None
    path: Path
    size: int
    need: MemoryNeed
    context: int
    architecture: str | None
    sampling: SamplingParams | None
    defaults: ModelDefaults
    slots: int = PARALLEL
    options: ModelOptions = NO_OPTIONS
    draft: DraftModelFile | None = None

    @property
    def needs(self) -> int:
        """Memory of the loaded model, in bytes."""
        return self.need.total


def listed_sources(catalogue: Catalogue, sizes: ChatSizes) -> tuple[ModelSource, ...]:
    """Return the models of the list that clients may name: those without a link that leads out of its place."""
    return tuple(_listed(model, sizes) for model in catalogue.models if not model.leads_out)


def chosen_source(
    path: Path,
    catalogue: Catalogue,
    defaults: ModelDefaults,
    sizes: ChatSizes,
    models_file: ModelsFile,
    draft_model: Path | None = None,
) -> ModelSource:
    """Return the source of a file that the operator chose, under its name in the list or else the file's.

    ``draft_model``: path of the draft model, unless models.toml names another. Raises ModelError.
    """
    chosen = find_draft_model(str(draft_model), catalogue.find) if draft_model else None
    same = [model for model in catalogue.models if _is_same(path, model)]
    if same:  # models of Ollama may share their weights
        model = next((model for model in same if _has(model, defaults)), same[0])
        return _listed(replace(model, draft=model.draft or chosen), sizes)
    options = models_file.of(path.stem)
    defaults = replace(defaults, chosen_sampling=options.sampling)
    header = read_header(path, defaults=defaults)
    size = sum(part.stat().st_size for part in parts_of(path))
    named = find_draft_model(options.draft_model, catalogue.find) if options.draft_model else chosen
    return _source(path.stem, None, path, size, header, defaults, sizes, options, named)


def _has(model: ModelFile, defaults: ModelDefaults) -> bool:
    return model.defaults == replace(defaults, chosen_sampling=model.defaults.chosen_sampling)


def _listed(model: ModelFile, sizes: ChatSizes) -> ModelSource:
    header, options = model.header, model.options
    name, full_name, draft = model.name, model.full_name, model.draft
    return _source(name, full_name, model.path, model.size, header, model.defaults, sizes, options, draft)


def _source(
    name: str,
    full_name: str | None,
    path: Path,
    size: int,
    header: HeaderFacts,
    defaults: ModelDefaults,
    sizes: ChatSizes,
    options: ModelOptions,
    draft: DraftModelFile | None,
) -> ModelSource:
    trained = min(filter(None, (header.context, defaults.context)), default=None)
    own = sizes.of(options)
    draft = draft if own.shared is None else None  # with a shared KV cache nothing is proposed
    need = memory_need(size, header.network, trained, own) if header.network else MemoryNeed(size, 0, 0)
    return ModelSource(
        name=name,
        full_name=full_name,
        title=header.title,
        path=path,
        size=size,
        need=need if draft is None else need.plus(draft.need(own.tokens(trained))),
        context=own.tokens(trained),
        architecture=header.architecture,
        sampling=header.recommended.sampling,
        defaults=defaults,
        slots=own.parallel,
        options=options,
        draft=draft,
    )


def _is_same(path: Path, model: ModelFile) -> bool:
    try:
        return path.samefile(model.path)
    except OSError:
        return False
