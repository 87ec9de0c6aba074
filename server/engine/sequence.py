"""The state of one generation inside the engine. It is owned by the worker's thread alone."""

from __future__ import annotations

from server.engine.base import Finished, FinishReason, GenerationRequest, Phase, Piece, Timings, Usage
from server.engine.detokenizer import Detokenizer
from server.engine.model import Sampler


class Sequence:
    """One generation on its way from the queue to its end. Times are ``time.monotonic()`` seconds."""

    def __init__(self, request: GenerationRequest, context: int) -> None:
        self.request = request
        self.tokens = [*request.prompt, *request.written]
        """The prompt, followed by what was chosen so far."""
        self.computed = 0
        """How many of ``tokens`` are in the KV cache."""
        self.slot: int | None = None
        self.sampler: Sampler | None = None
        self.detokenizer = Detokenizer(request.sampling.stop)
        self.position: int | None = None
        """The last queue position that was told."""
        self._told = len(self.tokens)
        """How many of ``tokens`` are in pieces that were told, the prompt included."""
        self._budget = self._token_budget(context)
        self._admitted: float | None = None
        self._first_token: float | None = None

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def prompt_tokens(self) -> int:
        return len(self.request.prompt)

    @property
    def completion_tokens(self) -> int:
        return len(self.tokens) - self.prompt_tokens

    @property
    def phase(self) -> Phase:
        if self.slot is None:
            return Phase.QUEUED
        return Phase.PREFILL if self._first_token is None else Phase.DECODE

    @property
    def exhausted(self) -> bool:
        """Whether ``max_tokens`` or the context leaves no room for another token."""
        return self.completion_tokens >= self._budget

    def admit(self, slot: int, now: float) -> None:
        """Enter the batch in KV slot ``slot``."""
        self.slot, self._admitted = slot, now

    def extend(self, token: int, now: float) -> None:
        """Take the token that was chosen."""
        self.mark_first_token(now)
        self.tokens.append(token)

    def mark_first_token(self, now: float) -> None:
        """The prompt has been read, and a first token chosen from it."""
        if self._first_token is None:
            self._first_token = now

    def piece(self, text: str) -> Piece:
        """``text`` as news, with the tokens that no piece has told yet."""
        tokens, self._told = tuple(self.tokens[self._told :]), len(self.tokens)
        return Piece(self.id, text, self.completion_tokens, tokens)

    def finished(
        self, reason: FinishReason, now: float, *, cancel_received: float | None = None, error: str | None = None
    ) -> Finished:
        """The last update of this generation, as of ``now``."""
        usage = Usage(prompt_tokens=self.prompt_tokens, cached_tokens=0, completion_tokens=self.completion_tokens)
        return Finished(self.id, reason, self.phase, usage, self._timings(now, cancel_received), error)

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

    def _token_budget(self, context: int) -> int:
        room = context - len(self.request.prompt)
        limit = self.request.sampling.max_tokens
        return room if limit is None else min(limit, room)
