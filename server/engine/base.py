"""The Engine port: what the rest of the server knows of whatever computes the tokens.

Requests go in from any thread; results come out on the engine's own thread, one call of the listener for each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

RANDOM_SEED = -1
"""As in llama.cpp: the engine picks a new seed for each request."""


class EngineError(Exception):
    """Anything that an engine can't do; the text is one line that a person can act on."""


class ModelError(EngineError):
    """The model file can't be used: absent, broken, of another kind, or too large for the memory."""


class GrammarError(EngineError):
    """A JSON schema can't be made into a grammar."""


class EngineDeadError(EngineError):
    """The engine's thread has ended; nothing more can be computed until the server is started again."""


class Phase(StrEnum):
    """Where a generation is on its way through the engine."""

    QUEUED = "queued"
    PREFILL = "prefill"
    DECODE = "decode"


class Limit(StrEnum):
    """What ended a generation whose reason is LENGTH."""

    MAX_TOKENS = "max_tokens"
    CONTEXT = "context"


class FinishReason(StrEnum):
    """Why a generation ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How the next token is chosen; names, meanings and defaults are llama.cpp's (``common_params_sampling``).

    ``temperature`` 0 means greedy. Off are ``top_k``, ``min_p``, ``xtc_probability`` and ``dry_multiplier`` at 0,
    ``top_p``, ``typical_p`` and ``repeat_penalty`` at 1, ``top_n_sigma`` at 0 or below. The penalties look at the last
    ``repeat_last_n`` tokens of the answer; DRY at the last ``dry_penalty_last_n`` of prompt and answer. ``max_tokens``
    None means up to the end of the context. ``grammar`` is from ``Engine.grammar``. ``top_logprobs`` 0 to
    20: the chosen token's logprob is told with each piece, and those of so many of the likeliest; None tells none.
    """

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    typical_p: float = 1.0
    top_n_sigma: float = -1.0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int = RANDOM_SEED
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = 64
    dry_sequence_breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    grammar: str | None = None
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of the loaded model. ``chat_template`` is the model's own, None where it has none.

    ``tokens`` are further special tokens by the names that chat templates have for them, such as ``pad_token``.
    """

    name: str
    architecture: str
    parameters: int
    context: int
    vocabulary: int
    chat_template: str | None
    bos: str
    eos: str
    sampling: SamplingParams
    tokens: Mapping[str, str] = field(default_factory=dict)

    @property
    def special_tokens(self) -> Mapping[str, str]:
        """All special tokens by the names that chat templates have for them."""
        return {"bos_token": self.bos, "eos_token": self.eos, **self.tokens}


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One answer to compute. ``received`` is the ``time.monotonic()`` at which the server received it, in seconds.

    ``written`` are the tokens of this answer that an earlier engine has computed: they are read after the prompt, count
    as the answer's own, and are not told again. ``opened`` is text that the prompt ends with and the answer's text
    begins with: the mark of a thought that the chat template opens. ``principal`` is whose request it is.
    """

    id: str
    prompt: tuple[int, ...]
    sampling: SamplingParams
    received: float
    written: tuple[int, ...] = ()
    opened: str = ""
    principal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens counted for one generation. The token that ends an answer has no text and is not counted."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Durations in milliseconds; None where the generation never came that far.

    ``first_token`` and ``total`` count from the receipt of the request, ``stop`` from the receipt of the cancel until
    the engine computed nothing more for the generation and its KV slot was free.
    """

    queued: float
    prefill: float | None
    first_token: float | None
    decode: float | None
    total: float
    stop: float | None


@dataclass(frozen=True, slots=True)
class Queued:
    """The generation waits; ``position`` others must end before it starts, in about ``eta_ms`` milliseconds."""

    id: str
    position: int
    eta_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Prefill:
    """``done`` of the prompt's ``total`` tokens are in the KV cache."""

    id: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token's bytes, and the natural logarithm of its probability by the model, before any sampling parameter."""

    piece: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen token, and the likeliest ones in its place, likeliest first."""

    chosen: TokenLogprob
    top: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """New text: whole code points, never empty. ``completion_tokens`` have been computed so far.

    ``tokens`` are those chosen since the last piece: more than one where text was held back, none where they had been
    told before. A piece's text follows from the tokens alone, but for ``GenerationRequest.opened`` in the first one.
    """

    id: str
    text: str
    completion_tokens: int
    tokens: tuple[int, ...] = ()
    choices: tuple[Choice, ...] = ()
    """One for each of ``tokens`` where ``top_logprobs`` asked for them."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Always the last update of a generation. ``error`` says why it FAILED, ``limit`` what ended it by LENGTH."""

    id: str
    reason: FinishReason
    phase: Phase
    usage: Usage
    timings: Timings
    error: str | None = None
    limit: Limit | None = None


Ranges = Sequence[tuple[int, int]]
"""Ranges of characters, each from a start to before an end."""

Update = Queued | Prefill | Piece | Finished
Listener = Callable[[Sequence[Update]], None]
"""Called on the engine's thread with what one step brought; must return quickly and must not raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStats:
    """The engine's counters at one moment. Token counts, steps and seconds grow for as long as the engine lives.

    ``kv_cells`` is how many tokens the KV cache can hold; ``kv_tokens`` are those of running sequences, ``kept_tokens``
    those of ended ones that lie in free slots to be reused, ``saved_bytes`` the plain memory that holds more of the
    latter. ``busy_seconds`` is the time of all steps; of it ``decode_seconds`` were spent inside llama_decode and
    ``sample_seconds`` on choosing tokens.
    """

    alive: bool
    failure: str | None
    slots: int
    running: int
    queued: int
    kv_tokens: int
    prompt_tokens: int
    completion_tokens: int
    kv_cells: int = 0
    cached_tokens: int = 0
    kept_tokens: int = 0
    saved_bytes: int = 0
    preemptions: int = 0
    steps: int = 0
    busy_seconds: float = 0.0
    decode_seconds: float = 0.0
    sample_seconds: float = 0.0


class Engine(Protocol):
    """A thing that computes answers. Every method may be called from any thread."""

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def slots(self) -> int:
        """How many generations are computed at the same time; further ones queue."""
        ...

    def start(self, listener: Listener) -> None:
        """Begin to serve; ``listener`` receives every update from now on."""
        ...

    def tokenize(self, text: str, quoted: Ranges = ()) -> list[int]:
        """The tokens of a rendered prompt: special tokens recognised, one BOS in front if the model wants one, no EOS.

        In the ``quoted`` ranges of characters, which are in order and apart, nothing is taken for a control token,
        nor what lies only partly in one. Raises EngineDeadError after ``close``.
        """
        ...

    def grammar(self, schema: Mapping[str, object]) -> str:
        """The grammar of a JSON schema, as text to be journaled: an answer under it parses and obeys the schema.

        May take a second for a large schema. Raises GrammarError, which names the keyword that can't be kept and its
        path, and EngineDeadError after ``close``.
        """
        ...

    def eta_ms(self) -> int | None:
        """A guess at when a request that is submitted now would start, in milliseconds; None without experience."""
        ...

    def submit(self, request: GenerationRequest) -> None:
        """Queue a request whose prompt fits the context. Raises EngineDeadError."""
        ...

    def cancel(self, id: str, received: float) -> None:
        """End a generation in whatever phase it is. An unknown or ended id is ignored.

        ``received`` is the ``time.monotonic()`` at which the cancel was received: ``Timings.stop`` counts from it.
        """
        ...

    def stats(self) -> EngineStats: ...

    def close(self) -> None:
        """End every generation as INTERRUPTED, end the thread, free the model. Returns when all that is done."""
        ...
