"""The tree of a conversation's messages. Pure: a message is its id, its parent, and its position in time.

``parents`` maps each id to its parent's, None for a first message, in writing order. Invalid input (a missing parent, a
cycle) never causes an endless loop.
"""

from __future__ import annotations

from collections.abc import Mapping

Parents = Mapping[str, str | None]


def path(parents: Parents, leaf: str | None) -> tuple[str, ...]:
    """Return the branch that ends with ``leaf``, from its first message."""
    found: dict[str, None] = {}
    at = leaf
    while at is not None and at in parents and at not in found:
        found[at] = None
        at = parents[at]
    return tuple(reversed(found))


def children(parents: Parents) -> dict[str | None, list[str]]:
    """Return the messages directly below each message, oldest first; None: the first messages."""
    below: dict[str | None, list[str]] = {}
    for id, parent in parents.items():
        below.setdefault(parent, []).append(id)
    return below


def subtree(parents: Parents, id: str) -> tuple[str, ...]:
    """Return ``id`` and all messages below it."""
    below = children(parents)
    found: dict[str, None] = {id: None}
    waiting = [id]
    while waiting:
        new = [child for child in below.get(waiting.pop(), ()) if child not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return tuple(found)


def newest_leaf(parents: Parents, under: str | None) -> str | None:
    """Return the end of the newest branch below ``under``, or ``under`` itself. None: of the whole tree."""
    below = children(parents)
    seen: set[str] = set()
    at = under
    while following := [child for child in below.get(at, ()) if child not in seen]:
        at = following[-1]
        seen.add(at)
    return at


def leaf_without(parents: Parents, gone: str, leaf: str | None) -> str | None:
    """Return the leaf after ``gone`` and all below it are removed: unchanged, or the newest beside or above
    ``gone``."""
    lost = set(subtree(parents, gone))
    if leaf not in lost:
        return leaf
    left = {id: parent for id, parent in parents.items() if id not in lost}
    return newest_leaf(left, parents[gone])
