"""State of one generation inside the engine, owned by the worker's thread."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from server.engine.base import (
    Choice,
    EngineUsage,
    Finished,
    FinishReason,
    GenerationRequest,
    Instruction,
    Limit,
    Lookup,
    Phase,
    Piece,
    Steered,
    Tuned,
    Tuning,
)
from server.engine.chunked_parts import ChunkedParts
from server.engine.detokenizer import Detokenizer
from server.engine.model import Sampler
from server.engine.sequence_times import SequenceTimes

SETTLED = 8
"""Number of tokens after which an answer's usual pace is known."""


class Sequence:
    """One generation, from the queue to its end. Times are ``time.monotonic()`` seconds."""

    def __init__(self, request: GenerationRequest, context: int, lookup: Lookup | None = None) -> None:
        """``lookup``: the question that it answers; None: it is a generation."""
        self.request = request
        self.lookup = lookup
        self.tokens = [*request.prompt]
        """Tokens that the KV cache must hold: the prompt, then those chosen so far and those of instructions, without
        those that a full context dropped."""
        self.instructions: deque[Instruction] = deque()
        """Instructions that are read after the first token."""
        self.instruction_tokens = 0
        """Number of tokens of all instructions."""
        self._chunks = ChunkedParts(len(request.prompt))
        """The parts that are read in chunks, for greedy answers."""
        self.shortened = False
        """True once tokens were dropped: ``_chunks`` has no meaning any more."""
        self.detokenizer = Detokenizer(request.sampling.stop)
        self._restore()
        if request.forked:
            self._chunks = ChunkedParts(len(self.tokens))
        self.prompt = np.array(self.tokens, np.int32)
        """The initial tokens, for comparison with others."""
        self.computed = 0
        """Number of ``tokens`` in the KV cache."""
        self.slot: int | None = None
        self.sampler: Sampler | None = None
        self.position: int | None = None
        """The last queue position that was delivered."""
        self.faults = 0
        """Number of failed batches with this sequence."""
        self.completion_tokens = len(request.written)
        self._context = context
        self._reached = 0
        """The greatest number of tokens that it ever had in the KV cache."""
        self.cached = 0
        """Number of the prompt's tokens that it got without computing them."""
        self._delivered_progress = 0
        """The greatest prefill progress that was delivered, in tokens."""
        self._shifted_from: int | None = None
        """First position whose KV still depends on dropped tokens; None: none were dropped."""
        self._opened = "" if self.resumed else self._opening
        """Prefix of the next piece; empty once it was delivered."""
        self._chosen: list[int] = []
        self._choices: list[Choice] = []
        self.times = SequenceTimes(request.received)

    def _restore(self) -> None:
        """Append what an earlier engine has written, and the instructions that it has read."""
        request, start = self.request, 0
        self.since: list[int] = []
        """Tokens chosen since the prompt or the newest instruction."""
        self.given: tuple[int, ...] = request.prompt
        """Prompt for the sampler: all tokens up to the end of the newest instruction."""
        self._opening = request.opened
        for end, instruction in request.instructions:
            self._write(request.written[start:end])
            self._append(instruction)
            start = end
        self.resumed = request.written[start:]
        """Tokens that an earlier engine chose after the newest instruction."""
        self._write(self.resumed)

    @property
    def _parts(self) -> ChunkedParts | None:
        """The parts that a greedy answer reads in chunks; None for others."""
        greedy = self.request.sampling.temperature == 0 and not self.shortened
        return self._chunks if greedy else None

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def prompt_tokens(self) -> int:
        return len(self.request.prompt)

    @property
    def missing(self) -> int:
        """Number of tokens that the KV cache lacks before the next one can be chosen."""
        return len(self.tokens) - self.computed

    @property
    def ahead(self) -> int:
        """Number of missing tokens that one step may compute: one of a greedy answer (ChunkedParts)."""
        missing = self.missing
        return missing if self._parts is None or missing == 0 else self._parts.ahead(self.computed, missing)

    @property
    def stepping(self) -> bool:
        """True when a step computes one token of the answer: the newest, or one that the KV cache lost."""
        return self.ahead == 1 and (self.writing or self.computed >= self.prompt_tokens)

    @property
    def reading(self) -> bool:
        """True while it has a slot and reads its prompt in chunks, for itself and for others. A lookup gives way to
        them."""
        return self.lookup is None and self.slot is not None and not self.writing and self.ahead > 1

    @property
    def begun(self) -> bool:
        """True once it has had a slot, even if it was sent back to the queue."""
        return self.times.admitted is not None

    @property
    def writing(self) -> bool:
        """True once this engine has chosen a token for it."""
        return self.times.first_token is not None

    @property
    def settled(self) -> bool:
        """True once it has written long enough for a reader to notice a pause."""
        return self.completion_tokens - len(self.request.written) >= SETTLED

    @property
    def phase(self) -> Phase:
        if self.writing:
            return Phase.DECODE
        return Phase.PREFILL if self.begun else Phase.QUEUED

    @property
    def limit(self) -> Limit | None:
        """The limit that prevents another token; None when there is room."""
        most = self.request.sampling.max_tokens
        if most is not None and self.completion_tokens >= most:
            return Limit.MAX_TOKENS
        return Limit.CONTEXT if len(self.tokens) >= self._context else None

    @property
    def reusable(self) -> NDArray[np.int32]:
        """Tokens of the KV cache that depend on no others, so prompts that begin with them can reuse them."""
        end = self.computed if self._shifted_from is None else min(self.computed, self._shifted_from)
        return self.context()[:end]

    def has_new_progress(self, read: int) -> bool:
        """Tell whether ``read`` is a prefill progress that was not delivered yet, and mark it as delivered."""
        if self.writing or self.lookup is not None or read <= self._delivered_progress:
            return False
        self._delivered_progress = read
        return True

    def admit(self, slot: int, cached: int, now: float) -> None:
        """Enter KV slot ``slot``, which already has the first ``cached`` tokens."""
        self.slot = slot
        self.receive(cached)
        if self.times.admitted is None:
            self.times.admitted, self._delivered_progress = now, cached

    def receive(self, computed: int) -> None:
        """Record that the KV cache has the first ``computed`` tokens now, as a copy."""
        self._reached = max(self._reached, self.computed)
        self.cached += max(0, min(computed, self.prompt_tokens) - self._reached)
        self.rewind(computed)

    def rewind(self, computed: int) -> None:
        """Record that the KV cache has only ``computed`` tokens now."""
        self._reached = max(self._reached, self.computed)
        self.computed = computed
        if self._shifted_from is not None and computed <= self._shifted_from:
            self._shifted_from = None

    def context(self) -> NDArray[np.int32]:
        """Return ``tokens`` as an array, for comparison with other sequences."""
        return self.prompt if not self.writing else np.array(self.tokens, np.int32)

    def borrowable(self) -> NDArray[np.int32]:
        """Return the part of ``context`` that may come from other sequences, without the last token.

        For a greedy answer that is the part it reads, less one token: a last token read alone has different bits. A
        fork gets also what the other answer has written: its last token was computed alone there.
        """
        context = self.context()
        if self.lookup is not None:
            return context if self.lookup.written else context[:-1]
        return context if self.request.forked or self._parts is None else context[: max(0, self._parts.prompt - 1)]

    def shareable(self) -> NDArray[np.int32]:
        """Return the part of the prompt that one sequence can read for others: what it reads in chunks, without the
        last two tokens. These are read together, since a last token read alone has different bits."""
        end = len(self.prompt) if self._parts is None else self._parts.prompt
        return self.prompt[: max(0, end - 2)]

    def send_back(self) -> None:
        """Leave the slot until admitted again. Only the KV is lost."""
        self.slot = None
        self.rewind(0)

    def extend(self, token: int, now: float, choice: Choice | None = None) -> None:
        """Append the chosen token."""
        self.mark_first_token(now)
        self._write((token,))
        self.completion_tokens += 1
        self._chosen.append(token)
        if choice is not None:
            self._choices.append(choice)

    def mark_first_token(self, now: float) -> None:
        """Record that the prompt was read and its first token chosen."""
        self.times.mark_first_token(now)

    def drop(self, start: int, count: int) -> None:
        """Record that the KV cache dropped ``count`` tokens from position ``start``."""
        del self.tokens[start : start + count]
        self.computed -= count
        self._shifted_from = start
        self.shortened = True

    def older_half(self, anchors: int) -> int:
        """Return how many tokens after the first ``anchors`` a full context drops."""
        return (self._context - 1 - anchors) // 2

    def piece(self, text: str) -> Piece:
        """Return ``text`` as an update, with the tokens not delivered yet."""
        opened, self._opened = self._opened, ""
        return Piece(self.id, opened + text, self.completion_tokens, *self._undelivered())

    def _undelivered(self) -> tuple[tuple[int, ...], tuple[Choice, ...]]:
        """Return the chosen tokens and choices that no update had, for the next one."""
        tokens, choices = tuple(self._chosen), tuple(self._choices)
        self._chosen.clear()
        self._choices.clear()
        return tokens, choices

    def read(self, instruction: Instruction) -> Steered:
        """Append an instruction, after which the answer continues. The last token chosen is not computed yet, and is
        read together with it."""
        self._append(instruction)
        self.resumed, self._opened = (), self._opening
        return Steered(self.id, instruction, self.completion_tokens, *self._undelivered())

    def tune(self, tuning: Tuning) -> Tuned:
        """Take other parameters for the next token, with a sampler as if it had chosen all tokens since the prompt with
        these: so a resumed answer gets the same one."""
        sampling = replace(self.request.sampling, **tuning.changes)  # type: ignore[arg-type]
        self.request = replace(self.request, sampling=sampling)
        self.detokenizer.change_stop(sampling.stop)
        self.close_sampler()
        tokens = tuple(self._chosen)
        self._chosen.clear()
        return Tuned(self.id, tuning.asked, sampling, self.completion_tokens, tokens)

    def close_sampler(self) -> None:
        """Free the sampler; the next token gets a new one."""
        if self.sampler is not None:
            self.sampler.close()
            self.sampler = None

    def _write(self, tokens: tuple[int, ...]) -> None:
        self.tokens.extend(tokens)
        self.since.extend(tokens)

    def _append(self, instruction: Instruction) -> None:
        if not self.shortened:
            self._chunks.add(len(self.tokens) - 1, len(self.tokens) + len(instruction.tokens))
        self.tokens.extend(instruction.tokens)
        self.given = (*self.given, *self.since, *instruction.tokens)
        self.since.clear()
        self.instruction_tokens += len(instruction.tokens)
        self.detokenizer = Detokenizer(self.request.sampling.stop)
        self._opening = instruction.opened

    def finished(
        self,
        reason: FinishReason,
        now: float,
        *,
        cancel_received: float | None = None,
        error: str | None = None,
        limit: Limit | None = None,
    ) -> Finished:
        """Return the last update of this generation, as of ``now``."""
        prompt = self.prompt_tokens + self.instruction_tokens
        usage = EngineUsage(prompt_tokens=prompt, cached_tokens=self.cached, completion_tokens=self.completion_tokens)
        timings = self.times.timings(now, cancel_received)
        stop_string = self.detokenizer.found if reason is FinishReason.STOP else None
        return Finished(self.id, reason, self.phase, usage, timings, error, limit, stop_string)
