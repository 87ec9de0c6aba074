"""The models of ``streamui serve``: those that it loads at the start, and those that it may load for a request."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Final

from server.chat.template import ChatTemplateError
from server.chat.wellknown import TemplateChoice
from server.engine.base import EngineError, ModelError
from server.engine.file_state import FileState, file_state
from server.engine.llama import LlamaModel
from server.engine.model_defaults import ModelDefaults
from server.engine.options import EngineOptions
from server.engine.probing import ModelProbe
from server.engine.speculation import Speculative
from server.engine.step_turns import StepTurns
from server.engine.worker import BatchingEngine
from server.models.catalogue import Catalogue, catalogue
from server.models.draft_models import DraftModelFile
from server.models.models_file import ModelsFile
from server.models.sources import ModelSource, chosen_source, listed_sources
from server.resources import available_memory
from server.settings import Settings
from server.starter import MODEL_PATH
from server.writers.local import LocalWriter, local_writer
from server.writers.model_choice import check_unique
from server.writers.model_loader import Progress
from server.writers.model_writers import ModelWriters

logger = logging.getLogger(__name__)

SHARE: Final = 0.6
"""Part of the memory that is free at the start that models may take without ``--model-memory``."""


def model_writers(
    settings: Settings,
    template: TemplateChoice | None,
    defaults: Mapping[Path, ModelDefaults],
    models_file: ModelsFile,
) -> ModelWriters:
    """Load the models that were chosen. ``defaults`` are kept beside models' files, and are keyed by them.

    Raises ModelError and ChatTemplateError.
    """
    files, here, sizes = ModelFiles(settings, template), _catalogue(settings, models_file), settings.chat_sizes
    sources = [
        chosen_source(path, here, defaults.get(path, ModelDefaults()), sizes, models_file, draft)
        for path, draft in zip_longest(settings.models, [settings.draft_model])
    ]
    for remark in models_file.unused([model.full_name for model in here.models] + [each.name for each in sources]):
        logger.warning("%s", remark)
    check_unique([source.name for source in sources])
    files.know(settings.models)
    writers = [(files.load(source, lambda part: True), source) for source in sources]
    listed = partial(_listed, settings, models_file)
    return ModelWriters(
        writers,
        sources=tuple if settings.model_memory == 0 else listed,
        load=files.load,
        memory=_memory(settings),
        reads_ahead=settings.draft_ahead == "on",
    )


class ModelFiles:
    """Loads model files. Owns the state of the files that were checked, so that none is checked twice."""

    def __init__(self, settings: Settings, template: TemplateChoice | None) -> None:
        self._settings = settings
        self._template = template
        self._turns = StepTurns()
        self._checked: dict[Path, FileState] = {}

    def know(self, paths: tuple[Path, ...]) -> None:
        """Record that files were checked. Raises ModelError."""
        for path in paths:
            self._checked[path.resolve()] = file_state(path)

    def load(self, source: ModelSource, progress: Progress) -> LocalWriter:
        """Check a file in a process of its own, unless that was done, and load it. Raises ModelError and
        ChatTemplateError."""
        self._check(source.path, progress)
        settings = self._settings
        model = LlamaModel(
            source.path,
            context=settings.context,
            parallel=settings.local_parallel,
            threads=settings.threads,
            kv_tokens=settings.kv_tokens,
            defaults=source.defaults,
            options=source.options,
            progress=progress,
        )
        shift = settings.context_shift == "on"
        options = EngineOptions(
            saved_bytes=settings.cache_ram << 20,
            context_shift=shift,
            disk=settings.kv_folder,
            disk_bytes=settings.cache_disk << 20,
            speculative=Speculative(settings.speculative),
        )
        try:
            draft_model = self._draft_model(model, source.draft, progress) if source.draft else None
        except EngineError:
            model.close()
            raise
        engine = BatchingEngine(model, options, self._turns, draft_model)
        try:
            return local_writer(engine, self._template, source.name)
        except ChatTemplateError:
            engine.close()
            raise

    def _draft_model(self, model: LlamaModel, draft: DraftModelFile, progress: Progress) -> LlamaModel | None:
        """Load the draft model. Returns None, after a line in the log, where it would do nothing. Raises ModelError."""
        if draft.problem:
            raise ModelError(draft.problem)
        if self._settings.speculative == "off" or not model.can_cut:
            reason = "--speculative is off" if model.can_cut else "the larger model can't drop single tokens"
            logger.warning("%s: the draft model is not loaded: %s", draft.path, reason)
            return None
        self._check(draft.path, progress)
        return model.open_draft_model(draft.path, threads=self._settings.threads, progress=lambda part: progress(1.0))

    def _check(self, path: Path, progress: Progress) -> None:
        if not path.exists():
            raise ModelError(f"{path}: this file is gone; choose another model")
        known, state = path.resolve(), file_state(path)
        if self._checked.get(known) == state or known == MODEL_PATH.resolve():
            return
        with ModelProbe(path) as probe:
            probe.verdict(lambda: progress(0.0))
        self._checked[known] = state


def _memory(settings: Settings) -> int | None:
    if settings.model_memory is not None:
        return settings.model_memory << 20
    free = available_memory()
    return None if free is None else int(free * SHARE)


def _listed(settings: Settings, models_file: ModelsFile) -> tuple[ModelSource, ...]:
    return listed_sources(_catalogue(settings, models_file), settings.chat_sizes)


def _catalogue(settings: Settings, models_file: ModelsFile) -> Catalogue:
    return catalogue(settings.models_folder, os.environ, models_file)
