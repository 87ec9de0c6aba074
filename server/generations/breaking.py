"""The end of a generation after a fault in the server."""

from __future__ import annotations

from protocol.messages import ChosenLogprob, GenerationState, Logprob
from server.engine.base import Choice, EngineTimings, EngineUsage, Finished, FinishReason, Phase, TokenLogprob
from server.generations.entries import Broken, Written
from server.generations.generation import Generation

PHASES = {
    GenerationState.LOADING: Phase.LOADING,
    GenerationState.PREFILL: Phase.PREFILL,
    GenerationState.DECODE: Phase.DECODE,
}
"""Phase in which a generation ends, by its state; QUEUED for all others."""


def broken(generation: Generation, error: str, now: float) -> Broken:
    """Build the FAILED end of ``generation``, as of ``time.monotonic()`` ``now``, with all text that readers may
    have read."""
    usage = EngineUsage(
        prompt_tokens=generation.prompt_tokens, cached_tokens=0, completion_tokens=generation.completion_tokens
    )
    total = max(0.0, now - generation.received) * 1000
    timings = EngineTimings(queued=0.0, prefill=None, first_token=None, decode=None, total=total, stop=None)
    phase = PHASES.get(generation.state, Phase.QUEUED)
    finished = Finished(generation.key, FinishReason.FAILED, phase, usage, timings, error)
    tokens = generation.tokens
    pieces = tuple(
        Written(text, tuple(map(_choice, logprobs)), instruction, tuned, tokens.of(seq), tokens.instruction(seq))
        for seq, (text, logprobs, instruction, tuned) in enumerate(generation.log.written(), start=1)
    )
    return Broken(finished, pieces)


def _choice(logprob: ChosenLogprob) -> Choice:
    return Choice(_token(logprob), tuple(map(_token, logprob.top_logprobs)))


def _token(logprob: ChosenLogprob | Logprob) -> TokenLogprob:
    piece = logprob.token.encode() if logprob.bytes is None else bytes(logprob.bytes)
    return TokenLogprob(piece, logprob.logprob)
