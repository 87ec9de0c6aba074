"""``models.toml``: options of single models, by their names."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from protocol.parameter_table import PARAMETERS, Number, Whole, describe_range
from server.engine.base import ModelError
from server.kv_types import BYTES, DEFAULT, KvTypes
from server.model_options import NO_OPTIONS, ModelOptions
from server.models.names import ends_with, listed, nearest_first

NAME: Final = "models.toml"
"""Name of the file in the data folder."""

LONGEST: Final = 1 << 20
"""Longest file that is read, in bytes."""

RANGES: Final = {"context": Whole(16, 2**24), "parallel": Whole(1, 256), "gpu_layers": Whole(0, 10_000)}
"""Valid values of the keys that are whole numbers. Those of context and parallel are the options' ones."""

TYPES: Final = ("type_k", "type_v")
DRAFT_MODEL: Final = "draft_model"
SAMPLING: Final = "sampling"
KEYS: Final = (*RANGES, *TYPES, DRAFT_MODEL, SAMPLING)

SAMPLING_VALUES: Final = {
    parameter.name: parameter.values
    for parameter in PARAMETERS
    if isinstance(parameter.values, Number | Whole) and parameter.name not in ("max_tokens", "seed")
}
"""Valid values of the sampling parameters that can be recommended."""


class ModelsFileError(ModelError):
    """``models.toml`` can't be used. The message names the file, the line and the remedy."""


@dataclass(frozen=True, slots=True)
class ModelsFile:
    """Options of models, by the names of their sections in the file. Empty if the file is missing."""

    options: Mapping[str, ModelOptions] = field(default_factory=dict)

    def of(self, full_name: str) -> ModelOptions:
        """Return the options of a model. Any end of its full name after a slash counts, the longest one first."""
        found = [name for name in self.options if _is_name(name, full_name)]
        return self.options[max(found, key=lambda name: (len(name), name in full_name))] if found else NO_OPTIONS

    def unused(self, full_names: Iterable[str]) -> list[str]:
        """Return a remark on each name in the file that none of these models has."""
        names = tuple(full_names)
        return [
            f"{NAME}: no model here has the name {name}; similar names: {listed(nearest_first(name, names))}"
            for name in self.options
            if not any(_is_name(name, full_name) for full_name in names)
        ]


def read_models_file(chosen: Path | None, data: Path) -> ModelsFile:
    """Read the chosen file, or the one in the data folder if it exists. Raises ModelsFileError."""
    path = chosen or data / NAME
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
        text = content.decode()
    except FileNotFoundError:
        if chosen is None:
            return ModelsFile()
        raise ModelsFileError(f"--models-file {path}: there is no such file") from None
    except OSError as error:
        raise ModelsFileError(f"{path}: it can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ModelsFileError(f"{path}, line {line}: this is not UTF-8; save the file as UTF-8") from None
    if len(content) > LONGEST:
        raise ModelsFileError(f"{path}: it is longer than {LONGEST >> 20} MiB; remove what is not needed")
    return _Reader(path, text).read()


class _Reader:
    """Checks one file. An error names the line of the key."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text

    def read(self) -> ModelsFile:
        try:
            tables = tomllib.loads(self._text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ModelsFileError(f'{self._path}: {error}; names of models belong in quotes: ["NAME"]') from None
        return ModelsFile({name.strip("/"): self._options(name, table) for name, table in tables.items()})

    def _options(self, name: str, table: object) -> ModelOptions:
        if not isinstance(table, dict) or not name.strip("/"):
            self._fail((name,), f'{name}: write the name of a model as the head of a table: ["{name or "NAME"}"]')
        self._check_keys((name,), table, KEYS)
        numbers = {key: self._number((name, key), table[key]) for key in RANGES if key in table}
        types = [self._type((name, key), table.get(key, DEFAULT.keys)) for key in TYPES]
        draft_model = self._name((name, DRAFT_MODEL), table[DRAFT_MODEL]) if DRAFT_MODEL in table else None
        sampling = self._sampling(name, table.get(SAMPLING, {}))
        return ModelOptions(kv=KvTypes(*types), draft_model=draft_model, sampling=sampling, **numbers)

    def _number(self, place: tuple[str, ...], value: object) -> int:
        values = RANGES[place[-1]]
        if type(value) is int and values.low <= value <= values.high:
            return value
        self._fail(place, f"{place[-1]}: give a {_range(values)}")

    def _type(self, place: tuple[str, ...], value: object) -> str:
        if isinstance(value, str) and value in BYTES:
            return value
        self._fail(place, f"{place[-1]}: give one of {', '.join(BYTES)}, in quotes")

    def _name(self, place: tuple[str, ...], value: object) -> str:
        if isinstance(value, str) and value.strip():
            return value
        self._fail(place, f"{place[-1]}: give the path or the name of a model, in quotes")

    def _sampling(self, name: str, table: object) -> Mapping[str, float]:
        if not isinstance(table, dict):
            self._fail((name, SAMPLING), f"{SAMPLING}: give a table, such as {{ temperature = 0.7 }}")
        self._check_keys((name, SAMPLING), table, tuple(SAMPLING_VALUES))
        return {key: self._parameter((name, SAMPLING, key), value) for key, value in table.items()}

    def _parameter(self, place: tuple[str, ...], value: Any) -> float:
        match SAMPLING_VALUES[place[-1]]:
            case Whole(low, high) if type(value) is int and low <= value <= high:
                return value
            case Number(low, high, above) if type(value) in (int, float) and low <= value <= high:
                if not above or value > low:
                    return float(value)
        self._fail(place, f"{place[-1]}: give a {_range(SAMPLING_VALUES[place[-1]])}")

    def _check_keys(self, place: tuple[str, ...], table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                self._fail((*place, key), f"{key}: there is no such key; {_remedy((*place, key), table[key], known)}")

    def _fail(self, place: tuple[str, ...], text: str) -> NoReturn:
        raise ModelsFileError(f"{self._path}, line {_line_of(self._text, place)}: {text}")


def _remedy(place: tuple[str, ...], value: object, known: tuple[str, ...]) -> str:
    if near := difflib.get_close_matches(place[-1], known, 1):
        return f"did you mean {near[0]}?"
    if isinstance(value, dict):
        return f'a name with a dot belongs in quotes: ["{".".join(place)}"]'
    return f"the keys are {', '.join(known)}"


def _range(values: Number | Whole) -> str:
    if isinstance(values, Whole):
        return f"whole number from {values.low} to {values.high}"
    return describe_range(values)


def _is_name(name: str, full_name: str) -> bool:
    wanted, full = name.casefold(), full_name.casefold()
    return ends_with(full, wanted) or ends_with(full, f"{wanted}:latest")


def _line_of(text: str, place: tuple[str, ...]) -> int:
    """Return the line that sets the key at ``place``: the one without which the key is not there. ``text`` is valid
    TOML. A key that is written with escapes is on the first line."""
    lines = text.split("\n")
    named = (number for number, line in enumerate(lines) if place[-1] in line)
    return next((number + 1 for number in named if not _has(_parsed(lines[:number] + lines[number + 1 :]), place)), 1)


def _parsed(lines: list[str]) -> Mapping[str, Any]:
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:  # the line begins a statement of several lines
        return {}


def _has(tables: object, place: tuple[str, ...]) -> bool:
    for key in place:
        if not isinstance(tables, dict) or key not in tables:
            return False
        tables = tables[key]
    return True
