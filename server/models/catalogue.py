"""List of the models on this machine, and finding one by its name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from server.engine.base import ModelError
from server.engine.gguf_parts import PART, parts_of
from server.engine.model_defaults import ModelDefaults
from server.model_options import ModelOptions
from server.models.candidates import Candidate, candidates
from server.models.draft_models import DraftModelFile, find_draft_model
from server.models.header_facts import HeaderFacts, read_header
from server.models.models_file import ModelsFile
from server.models.names import ends_with, listed, nearest_first, short_names
from server.models.ollama_layers import defaults_in
from server.models.places import Layout, Place, places
from server.models.unfinished import Unfinished, unfinished
from server.starter import MODEL_PATH

STARTER: Final = "starter"
BUILT_IN: Final = "built-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A chat model. ``full_name`` begins with its place; ``name`` is the shortest end of it that is unique.

    ``path`` is the first of its ``parts``, ``size`` that of all parts in bytes. ``leads_out``: a link to a file outside
    of its place, which only this machine's user may have chosen. ``layers`` are Ollama's further files by kind, and
    ``defaults`` come from them. ``options`` are those in models.toml, and ``draft`` is the draft model that they name.
    """

    name: str
    full_name: str
    place: str
    path: Path
    parts: tuple[Path, ...]
    size: int
    header: HeaderFacts
    leads_out: bool
    layers: Mapping[str, Path]
    defaults: ModelDefaults
    options: ModelOptions
    draft: DraftModelFile | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not offered, with the reason."""

    full_name: str
    path: Path
    reason: str


class UnknownModelError(ModelError):
    """No model has the name that was asked for, or several have it."""


class Catalogue:
    """The models of this machine, in the order of their places, as they were when it was made."""

    def __init__(
        self, models: Iterable[ModelFile], left_out: Iterable[LeftOut] = (), unfinished: Iterable[Unfinished] = ()
    ) -> None:
        self.models = tuple(models)
        self.left_out = tuple(left_out)
        self.unfinished = tuple(unfinished)

    def with_draft_models(self) -> Catalogue:
        """Return the same list, with the draft models that models.toml names."""
        models = (
            replace(model, draft=find_draft_model(text, self.find)) if (text := model.options.draft_model) else model
            for model in self.models
        )
        return Catalogue(models, self.left_out, self.unfinished)

    def find(self, text: str) -> ModelFile:
        """Return the model with this name: its full name, or an end of it after a slash. Raises UnknownModelError.

        A full name counts before an end of another one.
        """
        wanted = text.strip("/")
        found = self.matching(text)
        if len(found) == 1:
            return found[0]
        if found:
            names = listed([model.full_name for model in found])
            raise UnknownModelError(f"{text}: several models have this name; give a full name: {names}")
        if reason := self._reason(wanted):
            raise UnknownModelError(f"{text}: this file can't be used as a chat model: {reason}")
        if download := self.find_unfinished(text):
            raise UnknownModelError(f"{text}: {download.problem}")
        raise UnknownModelError(f"{text}: there is no model of this name here; {self._similar(wanted)}")

    def find_unfinished(self, text: str) -> Unfinished | None:
        """Return the unfinished download of a model with this name. Raises UnknownModelError if there are several."""
        found = _with_name(text.strip("/"), self.unfinished)
        if len(found) > 1:
            names = listed([each.full_name for each in found])
            raise UnknownModelError(f"{text}: several unfinished downloads have this name; give a full name: {names}")
        return found[0] if found else None

    def matching(self, text: str) -> Sequence[ModelFile]:
        """Return the models with this name, which must be more exact if there are several."""
        wanted = text.strip("/")
        return _with_name(wanted, self.models) or _with_name(f"{wanted}:latest", self.models)

    def _reason(self, wanted: str) -> str | None:
        folded = wanted.casefold()
        return next((out.reason for out in self.left_out if ends_with(out.full_name.casefold(), folded)), None)

    def _similar(self, wanted: str) -> str:
        return f"similar names: {listed(nearest_first(wanted, [model.name for model in self.models]))}"


Named = TypeVar("Named", ModelFile, Unfinished)


def _with_name(wanted: str, each: Sequence[Named]) -> Sequence[Named]:
    names, folded = [(one, one.full_name) for one in each], wanted.casefold()
    return (
        [one for one, name in names if name == wanted]
        or [one for one, name in names if ends_with(name, wanted)]
        or [one for one, name in names if name.casefold() == folded]
        or [one for one, name in names if ends_with(name.casefold(), folded)]
    )


def catalogue(models_folder: Path, environ: Mapping[str, str], models_file: ModelsFile | None = None) -> Catalogue:
    """Read the headers of all model files of this machine. ``models_file`` has options of single models."""
    reading = _Reading(models_file or ModelsFile())
    starter = Candidate(Place(BUILT_IN, MODEL_PATH.parent), f"{BUILT_IN}/{STARTER}", MODEL_PATH)
    reading.add(starter)
    for place in places(models_folder, environ):
        for candidate in candidates(place):
            reading.add(candidate)
    names = short_names([found.candidate.name for found in reading.found])
    models = (found.model(names[found.candidate.name]) for found in reading.found)
    return Catalogue(models, reading.left_out, unfinished(models_folder)).with_draft_models()


@dataclass(frozen=True, slots=True)
class _Found:
    candidate: Candidate
    parts: tuple[Path, ...]
    size: int
    header: HeaderFacts
    defaults: ModelDefaults
    options: ModelOptions

    def model(self, name: str) -> ModelFile:
        place = self.candidate.place
        return ModelFile(
            name=name,
            full_name=self.candidate.name,
            place=place.name,
            path=self.parts[0],
            parts=self.parts,
            size=self.size,
            header=self.header,
            leads_out=not all(part.resolve().is_relative_to(place.folder.resolve()) for part in self.parts),
            layers=self.candidate.layers,
            defaults=self.defaults,
            options=self.options,
        )


class _Reading:
    """Owner of the list while it is made. A file that two places share is in it once.

    Models of Ollama may share their weights and differ in their parameters, so each of them is in it.
    """

    def __init__(self, models_file: ModelsFile) -> None:
        self._models_file = models_file
        self.found: list[_Found] = []
        self.left_out: list[LeftOut] = []
        self._files: dict[tuple[int, int], Place] = {}

    def add(self, candidate: Candidate) -> None:
        try:
            parts = parts_of(candidate.path)
            stats = [part.stat() for part in parts]
            if not stats or self._is_known(candidate.place, stats[0]):
                return
            options = self._models_file.of(candidate.name)
            defaults = replace(defaults_in(candidate.layers), chosen_sampling=options.sampling)
            problem = _parts_problem(candidate.path, parts)
            is_model = not problem and parts[0].is_file()
            header = read_header(parts[0], name=candidate.name, defaults=defaults) if is_model else None
        except FileNotFoundError:  # a link to nothing, or deleted meanwhile
            return self._leave_out(candidate, "the file is missing")
        except OSError as error:
            return self._leave_out(candidate, f"it can't be read: {error.strerror}")
        except ModelError as error:
            return self._leave_out(candidate, str(error).removeprefix(f"{parts[0]}: "))
        if same := self._same_name(candidate):
            return self._leave_out(candidate, f"{same} has the same name; to use this file, give --model its path")
        problem = problem or ("it is not a regular file" if header is None else header.kind and f"it is {header.kind}")
        if problem or header is None:
            return self._leave_out(candidate, str(problem))
        self.found.append(_Found(candidate, parts, sum(stat.st_size for stat in stats), header, defaults, options))

    def _same_name(self, candidate: Candidate) -> Path | None:
        return next((each.parts[0] for each in self.found if each.candidate.name == candidate.name), None)

    def _is_known(self, place: Place, stat: os.stat_result) -> bool:
        first = self._files.get((stat.st_dev, stat.st_ino))
        self._files[stat.st_dev, stat.st_ino] = first or place
        return first is not None and (first != place or place.layout is not Layout.OLLAMA)

    def _leave_out(self, candidate: Candidate, reason: str) -> None:
        self.left_out.append(LeftOut(candidate.name, candidate.path, reason))


def _parts_problem(path: Path, parts: tuple[Path, ...]) -> str | None:
    """Return what a split model lacks. Each part's name has its number and the count."""
    part = PART.fullmatch(path.name)
    if part is None:
        return None
    count, numbers = int(part["count"]), {int(_number(each)) for each in parts}
    missing = next((number for number in range(1, count + 1) if number not in numbers), None)
    return None if missing is None else f"part {missing} of {count} is missing"


def _number(path: Path) -> str:
    part = PART.fullmatch(path.name)
    return part["number"] if part else "0"
