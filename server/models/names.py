"""Names of models: any end of a full name after a slash is a name as well."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

NAMED: Final = 5
"""Names in a message about a name."""

SUFFIX: Final = ".gguf"
"""End of a model file's name."""

KNOWN_SHOWN: Final = 20
"""Most names in the message about a name that no model has. Further models are only counted."""


class UnknownNameError(ValueError):
    """No model, or more than one, has a name. The text is for a person."""


class Named(Protocol):
    """A model with its name, and ``title``, the name in its file."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str | None: ...


_Model = TypeVar("_Model", bound=Named)


def only_called(
    text: str, models: Sequence[_Model], full: Callable[[_Model], str] = lambda model: model.name
) -> _Model:
    """Return the one model with this name. ``full``: full name of a model.

    Raises UnknownNameError if there is none, with the known names, nearest first, or if there are several.
    """
    found = _called(text, models, full)
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownNameError(f"several models have the name {text!r}; name one of them: {_quoted(map(full, found))}")
    near = nearest_first(text, [model.name for model in models])
    raise UnknownNameError(f"this server has no model {text!r}; it has {_quoted(near)}")


def _called(text: str, models: Sequence[_Model], full: Callable[[_Model], str]) -> Sequence[_Model]:
    """Return the models of this name, by the first rule that finds any."""
    if exact := [model for model in models if model.name == text]:
        return exact
    named = [(model, full(model)) for model in models]
    wanted = text.strip("/")
    folded = wanted.casefold()
    return (
        [model for model, name in named if name == wanted]
        or [model for model, name in named if ends_with(name, wanted)]
        or [model for model in models if model.title == text]
        or [model for model, name in named if ends_with(name.casefold(), folded)]
        or [model for model, name in named if ends_with(name, f"{wanted}:latest")]
    )


def is_path(text: str) -> bool:
    """Tell whether a text that the operator has given is the path of a file, and not a name."""
    return text.lower().endswith(SUFFIX) or text.startswith((os.sep, ".", "~")) or Path(text).is_file()


def ends_with(name: str, end: str) -> bool:
    """Tell whether ``end`` is the whole name, or an end of it after a slash."""
    return bool(end) and (name == end or name.endswith(f"/{end}"))


def short_names(full: Sequence[str]) -> dict[str, str]:
    """Return the shortest end of each full name that no other one has."""
    ends = Counter(end for name in full for end in _ends(name))
    return {name: next((end for end in _ends(name) if ends[end] == 1), name) for name in full}


def nearest_first(wanted: str, names: Sequence[str]) -> list[str]:
    """Return the names by their likeness to the wanted one: those that contain it first, then by common letters."""
    folded = wanted.casefold()
    likeness = {name: difflib.SequenceMatcher(None, folded, name.casefold()).ratio() for name in names}
    return sorted(names, key=lambda name: (folded not in name.casefold(), -likeness[name]))


def listed(names: Sequence[str]) -> str:
    """Return the first names for a message, and the number of the others."""
    more = f" and {len(names) - NAMED} more, see `streamui models`" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _quoted(names: Iterable[str]) -> str:
    known = [repr(name) for name in names]
    more = f" and {len(known) - KNOWN_SHOWN} more" if len(known) > KNOWN_SHOWN else ""
    return f"{', '.join(known[:KNOWN_SHOWN])}{more}"


def _ends(name: str) -> Iterator[str]:
    parts = name.split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[-count:])
