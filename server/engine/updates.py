"""Updates that the engine reports of its answers. They belong to the Engine port."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from server.engine.requests import GenerationRequest, Instruction
from server.engine.sampling_params import SamplingParams


class Phase(StrEnum):
    """Phase of a generation inside the engine."""

    QUEUED = "queued"
    LOADING = "loading"
    PREFILL = "prefill"
    DECODE = "decode"


class Limit(StrEnum):
    """The limit that ended a generation with reason LENGTH."""

    MAX_TOKENS = "max_tokens"
    CONTEXT = "context"


class FinishReason(StrEnum):
    """Reason why a generation ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineUsage:
    """Token counts of one generation. The token that ends an answer has no text and is not counted.

    ``counted``: a part is the number of pieces, because an upstream did not tell its tokens.
    """

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    counted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTimings:
    """Durations in milliseconds; None for phases that the generation did not reach.

    ``first_token`` and ``total`` count from the receipt of the request. ``stop`` counts from the receipt of the cancel
    until the computation has stopped and the KV slot is free.
    """

    queued: float
    prefill: float | None
    first_token: float | None
    decode: float | None
    total: float
    stop: float | None


@dataclass(frozen=True, slots=True)
class Queued:
    """The generation waits. ``position`` others must end before it starts, in about ``eta_ms`` milliseconds."""

    id: str
    position: int
    eta_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Loading:
    """The generation waits for its model: ``done`` of ``total`` bytes are loaded."""

    id: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class PromptMade:
    """The request of an unprepared generation now has its prompt, as tokens of the model ``identity``.

    ``dropped``: number of messages of the dialogue that the prompt leaves out.
    """

    request: GenerationRequest
    identity: str
    dropped: int = 0

    @property
    def id(self) -> str:
        return self.request.id


@dataclass(frozen=True, slots=True)
class Prefill:
    """``done`` of the prompt's ``total`` tokens are in the KV cache, possibly read by another generation whose prompt
    begins with them. ``total`` 0: an upstream that doesn't tell."""

    id: str
    done: int
    total: int


UpstreamState = Literal["away", "busy", "cut", "reading"]
"""State of the server that writes an answer, while it sends no text of it: as `upstream` in PROTOCOL 5.3."""


@dataclass(frozen=True, slots=True)
class Delayed:
    """The upstream that writes the answer sends no text now. Ended by the next Prefill or Piece."""

    id: str
    upstream: UpstreamState


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token's bytes and the natural logarithm of its probability, before any sampling parameter is applied."""

    piece: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen token and the likeliest tokens at its position, likeliest first."""

    chosen: TokenLogprob
    top: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """New text: whole code points, never empty. ``completion_tokens`` were computed so far.

    ``tokens`` are those chosen since the last piece: several when text was held back, none when an earlier engine
    delivered them. A piece's text follows from the tokens alone; only the first one also has
    ``GenerationRequest.opened``.
    """

    id: str
    text: str
    completion_tokens: int
    tokens: tuple[int, ...] = ()
    choices: tuple[Choice, ...] = ()
    """One entry per token of ``tokens``, and of those that a Tuned had since the last piece, when ``top_logprobs``
    requests them."""


@dataclass(frozen=True, slots=True)
class Steered:
    """The text stops here, and the answer continues after ``instruction``.

    ``tokens`` and ``choices``: as in Piece, of chosen tokens whose text is dropped: an unfinished code point.
    """

    id: str
    instruction: Instruction
    completion_tokens: int
    tokens: tuple[int, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Tuned:
    """The tokens after these ``completion_tokens`` are chosen with the parameters ``sampling``.

    ``asked``: as in Tuning. ``tokens``: chosen since the last piece; their text is still held back.
    """

    id: str
    asked: str
    sampling: SamplingParams
    completion_tokens: int
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SteerRefused:
    """An instruction could not be read; the answer continues without it. ``code``: error code of PROTOCOL.md."""

    id: str
    code: str
    error: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The last update of a generation.

    ``error``: the cause of FAILED; ``limit``: the cause of LENGTH; ``stop_string``: that of STOP, if the model wrote
    one.
    """

    id: str
    reason: FinishReason
    phase: Phase
    usage: EngineUsage
    timings: EngineTimings
    error: str | None = None
    limit: Limit | None = None
    stop_string: str | None = None
    code: str | None = None
    """Error code of PROTOCOL.md for FAILED; None: the engine's own."""


Update = Queued | Loading | PromptMade | Prefill | Delayed | Piece | Steered | SteerRefused | Tuned | Finished
