"""Names of models: any end of a full name after a slash is a name as well."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

NAMED: Final = 5
"""Names in a message about a name."""


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


def _ends(name: str) -> Iterator[str]:
    parts = name.split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[-count:])
