"""List of the models on this machine, and finding one by its name."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.engine.base import ModelError
from server.engine.gguf_parts import PART, parts_of
from server.engine.model_defaults import ModelDefaults
from server.models.candidates import Candidate, candidates
from server.models.header_facts import HeaderFacts, read_header
from server.models.names import ends_with, short_names
from server.models.ollama_layers import defaults_in
from server.models.places import Layout, Place, places
from server.models.unfinished import Unfinished, unfinished
from server.starter import MODEL_PATH

STARTER: Final = "starter"
BUILT_IN: Final = "built-in"
NAMED: Final = 5
"""Names in the message about an unknown one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A chat model. ``full_name`` begins with its place; ``name`` is the shortest end of it that is unique.

    ``path`` is the first of its ``parts``, ``size`` that of all parts in bytes. ``leads_out``: a link to a file outside
    of its place, which only this machine's user may have chosen. ``layers`` are Ollama's further files by kind, and
    ``defaults`` come from them.
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

    def find(self, text: str) -> ModelFile:
        """Return the model with this name: its full name, or an end of it after a slash. Raises UnknownModelError."""
        wanted = text.strip("/")
        found = self._matches(wanted) or self._matches(f"{wanted}:latest")
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(model.full_name for model in found)
            raise UnknownModelError(f"{text}: several models have this name; give a full name: {names}")
        if reason := self._reason(wanted):
            raise UnknownModelError(f"{text}: this file can't be used as a chat model: {reason}")
        if download := self.find_unfinished(text):
            raise UnknownModelError(f"{text}: {download.problem}")
        raise UnknownModelError(f"{text}: there is no model of this name here; {self._nearest(wanted)}")

    def find_unfinished(self, text: str) -> Unfinished | None:
        """Return the unfinished download of a model with this name."""
        folded = text.strip("/").casefold()
        return next((each for each in self.unfinished if ends_with(each.full_name.casefold(), folded)), None)

    def _matches(self, wanted: str) -> list[ModelFile]:
        exact = [model for model in self.models if ends_with(model.full_name, wanted)]
        folded = wanted.casefold()
        return exact or [model for model in self.models if ends_with(model.full_name.casefold(), folded)]

    def _reason(self, wanted: str) -> str | None:
        folded = wanted.casefold()
        return next((out.reason for out in self.left_out if ends_with(out.full_name.casefold(), folded)), None)

    def _nearest(self, wanted: str) -> str:
        names = [model.name for model in self.models]
        likeness = {name: difflib.SequenceMatcher(None, wanted.casefold(), name.casefold()).ratio() for name in names}
        nearest = sorted(names, key=lambda name: -likeness[name])
        more = f" and {len(names) - NAMED} more, see `streamui models`" if len(names) > NAMED else ""
        return f"similar names: {', '.join(nearest[:NAMED])}{more}"


def catalogue(models_folder: Path, environ: Mapping[str, str]) -> Catalogue:
    """Read the headers of all model files of this machine."""
    reading = _Reading()
    starter = Candidate(Place(BUILT_IN, MODEL_PATH.parent), f"{BUILT_IN}/{STARTER}", MODEL_PATH)
    reading.add(starter)
    for place in places(models_folder, environ):
        for candidate in candidates(place):
            reading.add(candidate)
    names = short_names([found.candidate.name for found in reading.found])
    models = (found.model(names[found.candidate.name]) for found in reading.found)
    return Catalogue(models, reading.left_out, unfinished(models_folder))


@dataclass(frozen=True, slots=True)
class _Found:
    candidate: Candidate
    parts: tuple[Path, ...]
    size: int
    header: HeaderFacts
    defaults: ModelDefaults

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
        )


class _Reading:
    """Owner of the list while it is made. A file that two places share is in it once.

    Models of Ollama may share their weights and differ in their parameters, so each of them is in it.
    """

    def __init__(self) -> None:
        self.found: list[_Found] = []
        self.left_out: list[LeftOut] = []
        self._files: dict[tuple[int, int], Place] = {}

    def add(self, candidate: Candidate) -> None:
        try:
            parts = parts_of(candidate.path)
            stats = [part.stat() for part in parts]
            if not stats or self._is_known(candidate.place, stats[0]):
                return
            defaults = defaults_in(candidate.layers)
            problem = _parts_problem(candidate.path, parts)
            is_model = not problem and parts[0].is_file()
            header = read_header(parts[0], name=candidate.name, defaults=defaults) if is_model else None
        except FileNotFoundError:  # a link to nothing, or deleted meanwhile
            return self._leave_out(candidate, "the file is missing")
        except OSError as error:
            return self._leave_out(candidate, f"it can't be read: {error.strerror}")
        except ModelError as error:
            return self._leave_out(candidate, str(error).removeprefix(f"{parts[0]}: "))
        problem = problem or ("it is not a regular file" if header is None else header.kind and f"it is {header.kind}")
        if problem or header is None:
            return self._leave_out(candidate, str(problem))
        self.found.append(_Found(candidate, parts, sum(stat.st_size for stat in stats), header, defaults))

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
