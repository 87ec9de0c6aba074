"""The tree that the messages of a conversation form. Pure: a message is its id, its parent, and its place in time.

``parents`` maps each id to that of its parent, None for a first message, in the order in which they were written.
Whatever it holds (a parent that is missing, a circle), nothing here runs for ever.
"""

from __future__ import annotations

from collections.abc import Mapping

Parents = Mapping[str, str | None]


def path(parents: Parents, leaf: str | None) -> tuple[str, ...]:
    """The branch that ends with ``leaf``, from its first message on."""
    found: dict[str, None] = {}
    at = leaf
    while at is not None and at in parents and at not in found:
        found[at] = None
        at = parents[at]
    return tuple(reversed(found))


def children(parents: Parents) -> dict[str | None, list[str]]:
    """The branches below each message, the oldest first; None: the first messages."""
    below: dict[str | None, list[str]] = {}
    for id, parent in parents.items():
        below.setdefault(parent, []).append(id)
    return below


def siblings(parents: Parents, id: str) -> tuple[str, ...]:
    """The branches beside ``id``, itself among them, the oldest first."""
    return tuple(children(parents).get(parents[id], ()))


def subtree(parents: Parents, id: str) -> tuple[str, ...]:
    """``id`` and all below it."""
    below = children(parents)
    found: dict[str, None] = {id: None}
    waiting = [id]
    while waiting:
        new = [child for child in below.get(waiting.pop(), ()) if child not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return tuple(found)


def newest_leaf(parents: Parents, under: str | None) -> str | None:
    """The end of the newest branch below ``under``; ``under`` itself where nothing is. None: of the whole tree."""
    below = children(parents)
    seen: set[str] = set()
    at = under
    while following := [child for child in below.get(at, ()) if child not in seen]:
        at = following[-1]
        seen.add(at)
    return at


def leaf_without(parents: Parents, gone: str, leaf: str | None) -> str | None:
    """The leaf once ``gone`` and all below it are no more: as it was, or the newest beside or above ``gone``."""
    lost = set(subtree(parents, gone))
    if leaf not in lost:
        return leaf
    left = {id: parent for id, parent in parents.items() if id not in lost}
    return newest_leaf(left, parents[gone])
