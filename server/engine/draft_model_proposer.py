"""Proposals for the next tokens of an answer, from a small model that reads the same tokens (``--draft-model``)."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Tokens
from typing import Final

from server.engine.model import DecodeError, DecodeOutcome, DraftModel, Row
from server.engine.sequence import Sequence

SLOT: Final = 0
"""The draft model's only slot."""


class DraftModelProposer:
    """Owner of the draft model's KV cache, which follows the tokens of one answer. Owned by the worker's thread.

    ``vocabulary``: number of tokens of the larger model. The draft model may have a few more, which are not proposed.
    Each method may raise DecodeError: then the draft model is of no further use.
    """

    def __init__(self, model: DraftModel, vocabulary: int) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self._owner: Sequence | None = None
        """The answer that the KV cache follows."""
        self._held: list[int] = []
        """The tokens in the KV cache, those proposed last included."""
        self._agreed = 0
        """Number of the first ones that are known to be the answer's."""

    @property
    def context(self) -> int:
        """Greatest number of tokens in the KV cache."""
        return self._model.facts.context

    def missing(self, sequence: Sequence) -> int:
        """Return how many tokens the draft model has to read before it proposes the first one, at least 1."""
        self._follow(sequence)
        return max(1, len(sequence.tokens) - self._agreed)

    def read(self, sequence: Sequence, most: int) -> int:
        """Read the next ``most`` missing tokens, without the newest one. Returns how many were read."""
        self._cut(sequence)
        start = len(self._held)
        part = sequence.tokens[start : min(start + most, len(sequence.tokens) - 1)]
        if not part or not self._compute(part, logits=False):
            return 0
        self._agreed = len(self._held)
        return len(part)

    def propose(self, sequence: Sequence, count: int, interrupted: Callable[[], bool]) -> tuple[int, ...]:
        """Return the likeliest ``count`` next tokens, up to the end of the answer; fewer after an abort or once
        ``interrupted``. Reads missing tokens before."""
        self._cut(sequence)
        proposed: list[int] = []
        ahead = sequence.tokens[len(self._held) :]
        while len(proposed) < count and not interrupted() and self._compute(ahead, logits=True):
            token = self._model.greedy(0, self._vocabulary)
            if self._model.is_end(token):
                break
            proposed.append(token)
            ahead = [token]
        return tuple(proposed)

    def ended(self, sequence: Sequence) -> None:
        """Stop following an answer that has ended. The next one may begin with its tokens and reuse them, unless only
        one principal may."""
        if sequence is not self._owner:
            return
        self._owner, self._agreed = None, 0
        if sequence.request.only_for is not None:
            self._forget_from(0)

    def _follow(self, sequence: Sequence) -> None:
        """Find out which of the proposed tokens were chosen."""
        if sequence is not self._owner:
            self._owner, self._agreed = sequence, 0
        held, tokens, at = self._held, sequence.tokens, self._agreed
        while at < min(len(held), len(tokens)) and held[at] == tokens[at]:
            at += 1
        self._agreed = at

    def _cut(self, sequence: Sequence) -> None:
        """Drop the tokens that are not the answer's, and its newest one: the next token's logits need it computed."""
        self._follow(sequence)
        self._agreed = min(self._agreed, len(sequence.tokens) - 1)
        if self._agreed < len(self._held):
            self._forget_from(self._agreed)

    def _forget_from(self, start: int) -> None:
        if not self._model.forget(SLOT, start):
            raise DecodeError("the draft model can't drop single tokens")
        del self._held[start:]

    def _compute(self, tokens: Tokens[int], *, logits: bool) -> bool:
        """Append tokens to the KV cache. Returns False when it was aborted; then some of them may be missing."""
        for start in range(0, len(tokens), self._model.batch_tokens):
            part = tokens[start : start + self._model.batch_tokens]
            is_last = start + len(part) == len(tokens)
            outcome = self._model.decode(self._rows(part, logits=logits and is_last))
            if outcome is DecodeOutcome.NO_SLOT:
                raise DecodeError("the draft model's KV cache is full")
            if outcome is DecodeOutcome.ABORTED:
                self._forget_from(len(self._held))
                return False
            self._held.extend(part)
        return True

    def _rows(self, tokens: Tokens[int], *, logits: bool) -> list[Row]:
        start, last = len(self._held), len(tokens) - 1
        return [Row(token, SLOT, start + n, logits=logits and n == last) for n, token in enumerate(tokens)]
