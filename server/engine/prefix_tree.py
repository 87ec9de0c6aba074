"""Token sequences as a tree, so that the longest known beginning of a prompt is found without comparing each of them.

A compressed prefix tree (radix tree), as SGLang's RadixAttention uses one: each edge has the tokens that all sequences
below it share. A search takes time in proportion to the prompt, not to the number of sequences.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]


class HasTokens(Protocol):
    """An entry of a tree. It is compared by identity."""

    @property
    def tokens(self) -> Tokens:
        """Its tokens, at least one."""
        ...


Entry = TypeVar("Entry", bound=HasTokens)


def common_prefix(one: Tokens, other: Tokens) -> int:
    """Return the length of the common prefix, in tokens."""
    length = min(len(one), len(other))
    differs = one[:length] != other[:length]
    first = int(differs.argmax()) if length else 0
    return first if length and differs[first] else length


class _Node(Generic[Entry]):
    """``edge``: the tokens between the parent and this node. ``entry``: the one that ends here. ``newest``: the entry
    at or below this node that was used last; None only in an empty tree."""

    __slots__ = ("children", "edge", "entry", "newest")

    def __init__(self, edge: Tokens) -> None:
        self.edge = edge
        self.children: dict[int, _Node[Entry]] = {}
        self.entry: Entry | None = None
        self.newest: Entry | None = None


class PrefixTree(Generic[Entry]):
    """Entries by their tokens, of which no two are equal."""

    def __init__(self) -> None:
        self._root: _Node[Entry] = _Node(np.zeros(0, np.int32))
        self._used: dict[Entry, int] = {}
        """Number of the last use of each entry; a higher one is later."""
        self._uses = count()

    def longest(self, prompt: Tokens) -> tuple[int, Entry | None]:
        """Return the length of the longest prefix of ``prompt`` with which an entry begins, and the entry used last of
        those that begin with it."""
        node, length = self._root, 0
        while length < len(prompt) and (child := node.children.get(int(prompt[length]))):
            shared = common_prefix(prompt[length:], child.edge)
            node, length = child, length + shared
            if shared < len(child.edge):
                break
        return length, node.newest

    def prefixes(self, tokens: Tokens) -> list[Entry]:
        """Return the entries whose tokens are a prefix of ``tokens``, or equal to them."""
        return [node.entry for node in self._path(tokens) if node.entry is not None]

    def add(self, entry: Entry) -> None:
        """Add an entry, as the one used last."""
        node, length, tokens = self._root, 0, entry.tokens
        while length < len(tokens):
            child = node.children.get(int(tokens[length]))
            if child is None:
                child = node.children[int(tokens[length])] = _Node(tokens[length:])
            shared = common_prefix(tokens[length:], child.edge)
            if shared < len(child.edge):
                child = node.children[int(tokens[length])] = _split(child, shared)
            node, length = child, length + shared
        node.entry = entry
        self.touch(entry)

    def touch(self, entry: Entry) -> None:
        """Mark an entry as the one used last."""
        self._used[entry] = next(self._uses)
        for node in self._path(entry.tokens):
            node.newest = entry

    def remove(self, entry: Entry) -> None:
        """Remove an entry of the tree."""
        path = list(self._path(entry.tokens))
        path[-1].entry = None
        del self._used[entry]
        for node, parent in zip(reversed(path), [*reversed(path[:-1]), None], strict=True):
            if parent is not None:
                _shorten(node, parent)
            if node.newest is entry:
                node.newest = self._newest(node)

    def _newest(self, node: _Node[Entry]) -> Entry | None:
        entries = [node.entry, *(child.newest for child in node.children.values())]
        return max((entry for entry in entries if entry is not None), key=self._used.__getitem__, default=None)

    def _path(self, tokens: Tokens) -> Iterator[_Node[Entry]]:
        """Yield the nodes whose tokens are a prefix of ``tokens``, the root first."""
        node, length = self._root, 0
        yield node
        while length < len(tokens) and (child := node.children.get(int(tokens[length]))):
            if common_prefix(tokens[length:], child.edge) < len(child.edge):
                return
            node, length = child, length + len(child.edge)
            yield node


def _split(node: _Node[Entry], at: int) -> _Node[Entry]:
    """Put a new node into the edge of ``node``, after ``at`` tokens, and return it."""
    upper: _Node[Entry] = _Node(node.edge[:at])
    upper.newest = node.newest
    node.edge = node.edge[at:]
    upper.children[int(node.edge[0])] = node
    return upper


def _shorten(node: _Node[Entry], parent: _Node[Entry]) -> None:
    """Remove a node that has neither an entry nor two children: its only child takes its place."""
    if node.entry is not None or len(node.children) > 1:
        return
    first = int(node.edge[0])
    if not node.children:
        del parent.children[first]
        return
    (child,) = node.children.values()
    child.edge = np.concatenate((node.edge, child.edge))
    parent.children[first] = child
