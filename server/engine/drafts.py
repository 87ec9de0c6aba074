"""Drafts of messages that may be sent soon, and which of them is read next. Pure: draft_reader.py reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from server.engine.base import Draft
from server.engine.prefix_tree import Tokens

MOST_DRAFTS: Final = 64
"""Number of drafts that an engine knows. Beyond it, the one that was changed longest ago is forgotten."""

LEAST_UNREAD: Final = 2
"""Minimum number of tokens of a draft that are worth a step. A token that is read alone has other bits."""


class Drafts:
    """Newest draft of each key, in the order of their last change. Owned by the draft reader."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}
        self._tokens: dict[str, Tokens] = {}
        self._changed: set[str] = set()
        """Keys of drafts whose tokens in the KV cache may be those of an earlier draft."""
        self._abandoned: set[str] = set()

    def __len__(self) -> int:
        return len(self._drafts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._drafts)

    def put(self, draft: Draft) -> str | None:
        """Replace the draft of the same key. Returns the key of another draft that is forgotten for it, if any."""
        self.forget(draft.key)
        self._drafts[draft.key] = draft
        self._tokens[draft.key] = np.array(draft.tokens, np.int32)
        self._changed.add(draft.key)
        if len(self._drafts) <= MOST_DRAFTS:
            return None
        oldest = next(iter(self._drafts))
        self.forget(oldest)
        return oldest

    def forget(self, key: str) -> None:
        """Forget the draft of this key, if there is one."""
        self._drafts.pop(key, None)
        self._tokens.pop(key, None)
        self._changed.discard(key)
        self._abandoned.discard(key)

    def placed(self, key: str) -> None:
        """Record that the tokens of this draft in the KV cache agree with it."""
        self._changed.discard(key)

    def abandon(self, key: str) -> None:
        """Read no more of a draft until it is replaced."""
        self._abandoned.add(key)

    def tokens(self, draft: Draft) -> Tokens:
        """Return the tokens of a draft, as an array."""
        return self._tokens[draft.key]

    def next(self, read: Mapping[str, int]) -> Draft | None:
        """Return the newest draft that is not read to its end; ``read``: tokens that are read, by key."""
        for key, draft in reversed(self._drafts.items()):
            unread = len(draft.tokens) - read.get(key, 0)
            if key not in self._abandoned and (key in self._changed or unread >= LEAST_UNREAD):
                return draft
        return None
