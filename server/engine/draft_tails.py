"""Tokens in free slots that only their owner reuses: of drafts, and of temporary generations. Pure bookkeeping: kv.py
applies it to the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from server.engine.base import Draft
from server.engine.prefix_cache import Match
from server.engine.prefix_tree import Tokens, common_prefix


class _Tail(NamedTuple):
    principal: str
    tokens: Tokens
    """All tokens of the slot, also those before the tail."""
    key: str | None
    """Key of the draft; None for a temporary generation."""


class DraftTails:
    """Slots that have such tokens, at most one for each draft; in the order of their last change."""

    def __init__(self) -> None:
        self._tails: dict[int, _Tail] = {}

    def __iter__(self) -> Iterator[int]:
        return iter(self._tails)

    @property
    def lengths(self) -> Mapping[str, int]:
        """Number of tokens of each draft that are in its slot, by the draft's key."""
        return {tail.key: len(tail.tokens) for tail in self._tails.values() if tail.key is not None}

    def slot(self, key: str) -> int | None:
        """Return the slot that has tokens of the draft with this key."""
        return next((slot for slot, tail in self._tails.items() if tail.key == key), None)

    def tokens(self, slot: int) -> Tokens | None:
        """Return all tokens in a slot that has a tail."""
        tail = self._tails.get(slot)
        return None if tail is None else tail.tokens

    def put(self, slot: int, draft: Draft, tokens: Tokens) -> None:
        """Record that the slot has these tokens, of a prompt that begins like ``draft``."""
        self._tails.pop(slot, None)
        self._tails[slot] = _Tail(draft.principal, tokens, draft.key)

    def put_temporary(self, slot: int, principal: str, tokens: Tokens) -> None:
        """Record that the slot has these tokens of a temporary generation of ``principal``."""
        self._tails[slot] = _Tail(principal, tokens, None)

    def drop(self, slot: int) -> bool:
        """Record that the slot has no tail any more. Returns False if it had none."""
        return self._tails.pop(slot, None) is not None

    def clear(self) -> None:
        """Record that no slot has a tail any more."""
        self._tails.clear()

    def longer(self, match: Match, prompt: Tokens, principal: str) -> Match:
        """Return the longest prefix of ``prompt`` among the tails of ``principal``; ``match`` if none is longer."""
        for slot, tail in self._tails.items():
            if tail.principal == principal and (length := common_prefix(prompt, tail.tokens)) > match.length:
                match = Match(length, slot=slot)
        return match
