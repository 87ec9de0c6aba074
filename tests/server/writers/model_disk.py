"""Models on a disk that a test controls: when a load continues, whether it fails, and how much memory there is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from server.engine.base import LoadAbandonedError, ModelError
from server.engine.model_defaults import ModelDefaults
from server.engine.worker import BatchingEngine
from server.models.memory import MemoryNeed
from server.models.sources import ModelSource
from server.writers.local import LocalWriter, local_writer
from tests.server.engine.scripted_model import ScriptedModel

SIZE = 1000
"""Size of each file, in bytes."""


class ModelDisk:
    """``needs``: memory of each model by its name. ``memory``: for all loaded ones together; None: no limit."""

    def __init__(self, *, memory: int | None = None, **needs: int) -> None:
        self.needs = needs
        self.memory = memory
        self.gate = threading.Event()
        """Set while loads may end; they do at first."""
        self.gate.set()
        self.part = 0.0
        """Part that a load reports while the gate is closed."""
        self.errors: dict[str, str] = {}
        """Causes of failure, by the model's name."""
        self.loads: list[str] = []
        """Names of the models of all loads that were begun."""
        self.abandoned: list[str] = []
        self.loaded: list[ScriptedModel] = []
        """The models that were loaded, oldest first."""
        self.make: Callable[[], ScriptedModel] = ScriptedModel

    def sources(self) -> tuple[ModelSource, ...]:
        return tuple(source(name, needs) for name, needs in self.needs.items())

    def load(self, source: ModelSource, progress: Callable[[float], bool]) -> LocalWriter:
        self.loads.append(source.name)
        while not self.gate.wait(0.001):
            if not progress(self.part):
                self.abandoned.append(source.name)
                raise LoadAbandonedError(f"{source.name}: loading was stopped")
        if error := self.errors.get(source.name):
            raise ModelError(error)
        model = self.make()
        model.facts = replace(model.facts, name=source.title or source.name)
        self.loaded.append(model)
        return local_writer(BatchingEngine(model), name=source.name)

    def model(self, name: str) -> ScriptedModel:
        """Return the model that was last loaded under this name."""
        return next(model for model in reversed(self.loaded) if model.facts.name == title(name))


def title(name: str) -> str:
    return f"The {name.title()}"


def source(name: str, needs: int = 1) -> ModelSource:
    return ModelSource(
        name=name,
        full_name=f"here/{name}",
        title=title(name),
        path=Path(f"/nowhere/{name}.gguf"),
        size=SIZE,
        need=MemoryNeed(needs, 0, 0),
        context=2048,
        architecture="scripted",
        sampling=None,
        defaults=ModelDefaults(),
    )
