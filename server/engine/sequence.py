"""The state of one generation inside the engine. It is owned by the worker's thread alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.engine.base import Choice, Finished, FinishReason, GenerationRequest, Limit, Phase, Piece, Timings, Usage
from server.engine.detokenizer import Detokenizer
from server.engine.model import Sampler

SETTLED = 8
"""Tokens after which an answer's usual pace shows."""


class Sequence:
    """One generation on its way from the queue to its end. Times are ``time.monotonic()`` seconds."""

    def __init__(self, request: GenerationRequest, context: int) -> None:
        self.request = request
        self.tokens = [*request.prompt, *request.written]
        """What the KV cache has to hold: the prompt, then what was chosen so far, less what a full context pushed
        out."""
        self.prompt = np.array(self.tokens, np.int32)
        """What it begins with, for comparison with others."""
        self.computed = 0
        """How many of ``tokens`` are in the KV cache."""
        self.slot: int | None = None
        self.sampler: Sampler | None = None
        self.detokenizer = Detokenizer(request.sampling.stop)
        self.position: int | None = None
        """The last queue position that was told."""
        self.faults = 0
        """How many batches with this sequence have failed."""
        self.completion_tokens = len(request.written)
        self._context = context
        self._cached = 0
        self._told = 0
        """The most of the prompt that was told to be read."""
        self._written_from = len(request.prompt) if request.sampling.temperature == 0 else None
        """Of a greedy answer: from this position on each token is computed alone, also where it is computed again."""
        self._shifted_from: int | None = None
        """From this position on the KV still bears what was pushed out before it; None: nothing was."""
        self._opened = "" if request.written else request.opened
        """What the first piece begins with; empty once it was told."""
        self._chosen: list[int] = []
        self._choices: list[Choice] = []
        self._admitted: float | None = None
        self._first_token: float | None = None

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def prompt_tokens(self) -> int:
        return len(self.request.prompt)

    @property
    def missing(self) -> int:
        """How many tokens the KV cache still lacks before the next one can be chosen."""
        return len(self.tokens) - self.computed

    @property
    def ahead(self) -> int:
        """How many of the missing tokens a step may compute.

        Those of a greedy answer one by one: computed together they would differ in the last bits from what they were
        when they were chosen.
        """
        if self._written_from is None or self.missing == 0:
            return self.missing
        return max(1, min(self.missing, self._written_from - self.computed))

    @property
    def stepping(self) -> bool:
        """Whether a step computes one token of its answer: the newest, or one that the KV cache has lost."""
        return self.ahead == 1 and (self.writing or self.computed >= self.prompt_tokens)

    @property
    def begun(self) -> bool:
        """Whether it has been in a slot, though it may have been sent back to the queue."""
        return self._admitted is not None

    @property
    def writing(self) -> bool:
        """Whether this engine has chosen a token for it."""
        return self._first_token is not None

    @property
    def settled(self) -> bool:
        """Whether it has written for long enough for a reader to notice a pause."""
        return self.completion_tokens - len(self.request.written) >= SETTLED

    @property
    def phase(self) -> Phase:
        if self.writing:
            return Phase.DECODE
        return Phase.PREFILL if self.begun else Phase.QUEUED

    @property
    def limit(self) -> Limit | None:
        """What leaves no room for another token, if anything does."""
        most = self.request.sampling.max_tokens
        if most is not None and self.completion_tokens >= most:
            return Limit.MAX_TOKENS
        return Limit.CONTEXT if len(self.tokens) >= self._context else None

    @property
    def reusable(self) -> NDArray[np.int32]:
        """What of the KV cache is as if computed from these tokens alone, for whoever begins with them."""
        end = self.computed if self._shifted_from is None else min(self.computed, self._shifted_from)
        return self.context()[:end]

    @property
    def advanced(self) -> bool:
        """Whether more of the prompt has been read than was ever told; then it is taken as told."""
        if self.writing or self.computed <= self._told:
            return False
        self._told = self.computed
        return True

    def admit(self, slot: int, cached: int, now: float) -> None:
        """Enter the batch in KV slot ``slot``, which holds the first ``cached`` tokens already."""
        self.slot, self.computed = slot, cached
        if self._admitted is None:
            self._admitted, self._cached, self._told = now, min(cached, self.prompt_tokens), cached

    def rewind(self, computed: int) -> None:
        """The KV cache holds no more than ``computed`` tokens now."""
        self.computed = computed
        if self._shifted_from is not None and computed <= self._shifted_from:
            self._shifted_from = None

    def context(self) -> NDArray[np.int32]:
        """``tokens``, for comparison with what others have computed."""
        return self.prompt if not self.writing else np.array(self.tokens, np.int32)

    def borrowable(self) -> NDArray[np.int32]:
        """What of ``context`` others may have computed for it, but for the last token.

        Of a greedy answer that is what it reads, less one token: a last one that is read alone differs in its bits.
        """
        context = self.context()
        return context if self._written_from is None else context[: max(0, self._written_from - 1)]

    def send_back(self) -> None:
        """Leave the slot, to be admitted again later; nothing is lost but what the KV cache held."""
        self.slot = None
        self.rewind(0)

    def extend(self, token: int, now: float, choice: Choice | None = None) -> None:
        """Take the token that was chosen."""
        self.mark_first_token(now)
        self.tokens.append(token)
        self.completion_tokens += 1
        self._chosen.append(token)
        if choice is not None:
            self._choices.append(choice)

    def mark_first_token(self, now: float) -> None:
        """The prompt has been read, and a first token chosen from it."""
        if self._first_token is None:
            self._first_token = now

    def drop(self, start: int, count: int) -> None:
        """The KV cache has let go of ``count`` tokens from position ``start`` on."""
        del self.tokens[start : start + count]
        self.computed -= count
        self._shifted_from = start
        self._written_from = None

    def older_half(self, anchors: int) -> int:
        """How many tokens behind the first ``anchors`` a full context pushes out."""
        return (self._context - 1 - anchors) // 2

    def fit(self, anchors: int) -> None:
        """Push out, before anything is computed, what an earlier engine pushed out of the full context."""
        while len(self.tokens) >= self._context and self.request.written:
            del self.tokens[anchors : anchors + self.older_half(anchors)]
            self._written_from = None
        self.prompt = np.array(self.tokens, np.int32)

    def piece(self, text: str) -> Piece:
        """``text`` as news, with the tokens that no piece has told yet."""
        tokens, choices = tuple(self._chosen), tuple(self._choices)
        self._chosen.clear()
        self._choices.clear()
        opened, self._opened = self._opened, ""
        return Piece(self.id, opened + text, self.completion_tokens, tokens, choices)

    def finished(
        self,
        reason: FinishReason,
        now: float,
        *,
        cancel_received: float | None = None,
        error: str | None = None,
        limit: Limit | None = None,
    ) -> Finished:
        """The last update of this generation, as of ``now``."""
        usage = Usage(
            prompt_tokens=self.prompt_tokens, cached_tokens=self._cached, completion_tokens=self.completion_tokens
        )
        return Finished(self.id, reason, self.phase, usage, self._timings(now, cancel_received), error, limit)

    def seconds_in_slot(self, now: float) -> float:
        """Since it was first admitted; 0 while it waits for that."""
        return 0.0 if self._admitted is None else now - self._admitted

    def seconds_writing(self, now: float) -> float:
        """Since its first token was chosen; 0 before that."""
        return 0.0 if self._first_token is None else now - self._first_token

    def _timings(self, now: float, cancel_received: float | None) -> Timings:
        def ms(start: float | None, end: float | None) -> float | None:
            return None if start is None or end is None else max(0.0, (end - start) * 1000)

        received, admitted, first = self.request.received, self._admitted, self._first_token
        return Timings(
            queued=ms(received, admitted if admitted is not None else now) or 0.0,
            prefill=ms(admitted, first if first is not None else now),
            first_token=ms(received, first),
            decode=ms(first, now),
            total=ms(received, now) or 0.0,
            stop=ms(cancel_received, now),
        )
