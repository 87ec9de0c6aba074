"""Names of models: any end of a full name after a slash is a name as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence


def ends_with(name: str, end: str) -> bool:
    """Tell whether ``end`` is the whole name, or an end of it after a slash."""
    return bool(end) and (name == end or name.endswith(f"/{end}"))


def short_names(full: Sequence[str]) -> dict[str, str]:
    """Return the shortest end of each full name that no other one has."""
    ends = Counter(end for name in full for end in _ends(name))
    return {name: next((end for end in _ends(name) if ends[end] == 1), name) for name in full}


def _ends(name: str) -> Iterator[str]:
    parts = name.split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[-count:])
