"""The Engine port: the interface between the server and the code that computes tokens.

Requests may be submitted from any thread. Results are delivered on the engine's own thread, with one call of the
listener per step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

from server.engine.engine_stats import EngineStats as EngineStats
from server.engine.errors import EngineDeadError as EngineDeadError
from server.engine.errors import EngineError as EngineError
from server.engine.errors import GrammarError as GrammarError
from server.engine.errors import LoadAbandonedError as LoadAbandonedError
from server.engine.errors import ModelError as ModelError
from server.engine.lookups import Likely as Likely
from server.engine.lookups import LikelyToken as LikelyToken
from server.engine.lookups import Lookup as Lookup
from server.engine.sampling_params import SamplingParams as SamplingParams  # belongs to the port, and is generated

RANDOM_SEED = -1
"""Seed that makes the engine pick a new random seed for each request, as in llama.cpp."""


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
class EngineModelFacts:
    """Facts about the loaded model. ``chat_template`` is the model's own; None when it has none.

    ``tokens`` are further special tokens by their names in chat templates, such as ``pad_token``. ``size``: of the
    weights, in bytes; None when unknown.
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
    size: int | None = None

    @property
    def special_tokens(self) -> Mapping[str, str]:
        """All special tokens by their names in chat templates."""
        return {"bos_token": self.bos, "eos_token": self.eos, **self.tokens}


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction in mid-answer, which steers the rest of it.

    ``tokens``: the end of the answer so far, the instruction ``content``, and the beginning of the next answer, as the
    chat template writes them. ``opened``: as in GenerationRequest, for the text after the instruction.
    """

    content: str
    tokens: tuple[int, ...]
    opened: str = ""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Other sampling parameters for the rest of an answer.

    ``changes``: new values of fields of SamplingParams. ``asked``: the client's request as JSON, for the log; engines
    only pass it on.
    """

    asked: str
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One answer to compute. ``received`` is the ``time.monotonic()`` of the request's receipt, in seconds.

    ``written`` are tokens of this answer that an earlier engine computed: they are read after the prompt, count as part
    of the answer, and are not delivered again. ``instructions`` were read in between, each after that number of
    ``written`` tokens. ``earlier_stops``: stop strings that were tuned since, each valid up to that number of
    ``written`` tokens; ``sampling`` has the newest parameters. ``opened`` is text at the end of the prompt with which
    the answer's text begins: a thinking mark that the chat template opens. ``principal`` owns the request. ``model``:
    name of the model that writes it. ``unprepared``: the request as its writer keeps it, where the model has to be
    loaded before there is a ``prompt``; no engine takes such a request. ``repeatable`` False: the client gave no seed,
    so the last bits of the logits may depend on what else a step computes. ``temporary``: see ``only_for``.
    ``forked``: the ``written`` tokens are those of another answer, so their KV may come from there.

    ``asked`` and ``text`` are for a writer without tokens, and engines ignore them: the request to an upstream, as
    JSON, and the pieces of the answer that an earlier server wrote.
    """

    id: str
    prompt: tuple[int, ...]
    sampling: SamplingParams
    received: float
    written: tuple[int, ...] = ()
    instructions: tuple[tuple[int, Instruction], ...] = ()
    earlier_stops: tuple[tuple[int, tuple[str, ...]], ...] = ()
    opened: str = ""
    principal: str = ""
    model: str = ""
    unprepared: str = ""
    repeatable: bool = True
    asked: str = ""
    text: tuple[str, ...] = ()
    temporary: bool = False
    forked: bool = False

    @property
    def only_for(self) -> str | None:
        """The only principal that may reuse its KV, which is never saved; None: everybody may."""
        return self.principal if self.temporary else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The beginning of a prompt that may be requested soon. A new draft replaces the one with the same ``key``. Only
    prompts of the same ``principal`` reuse what was read. ``model``: name of the model that reads it."""

    key: str
    principal: str
    tokens: tuple[int, ...]
    model: str = ""


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


class JsonInText(NamedTuple):
    """JSON that must follow in a text wherever ``begin`` has been written.

    ``parts``: texts, of which one must follow, each with the schema of the JSON after it. ``end``: text after the JSON,
    maybe empty. ``after``: control tokens, of which one must follow unless the answer ends; empty: any text may.
    Control tokens in these texts are spelled as in a prompt; of ``begin`` only the first piece may be one.
    """

    begin: str
    parts: tuple[tuple[str, Mapping[str, object]], ...]
    end: str = ""
    after: tuple[str, ...] = ()


Ranges = Sequence[tuple[int, int]]
"""Half-open ranges of characters: (start, end)."""

Update = Queued | Loading | PromptMade | Prefill | Delayed | Piece | Steered | SteerRefused | Tuned | Finished
Listener = Callable[[Sequence[Update]], None]
"""Receives all updates of one step, on the engine's thread. Must return quickly and must not raise."""


class Engine(Protocol):
    """The port itself: computes answers. Every method may be called from any thread."""

    @property
    def facts(self) -> EngineModelFacts: ...

    @property
    def slots(self) -> int:
        """Number of generations computed at the same time; others queue."""
        ...

    def start(self, listener: Listener) -> None:
        """Start the engine; ``listener`` receives every update from now on."""
        ...

    def tokenize(self, text: str, quoted: Ranges = ()) -> list[int]:
        """Tokenize a rendered prompt: special tokens are recognised, with one BOS in front if the model wants one, no
        EOS.

        No control token is recognised that lies even partly in a ``quoted`` range of characters; the ranges must be in
        order and disjoint. Raises EngineDeadError after ``close``.
        """
        ...

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """Return the bytes of each token, as a prompt spells it: those of control tokens too. Raises EngineDeadError
        after ``close``."""
        ...

    def texts(self, tokens: Sequence[int]) -> list[bytes]:
        """Return the bytes that each token adds to the text of an answer. Raises EngineDeadError after ``close``."""
        ...

    def continuation(self, text: str) -> list[int]:
        """Tokenize text that follows other text of an answer: the token with exactly this text, if there is one, else
        the usual ones. None of them is a control token. Raises EngineDeadError after ``close``."""
        ...

    def grammar(self, schema: Mapping[str, object] | JsonInText, *, compact: bool = False) -> str:
        """Convert a JSON schema to a grammar, as text for the journal. An answer under it parses and obeys the schema.
        ``compact``: without line breaks, so that it has fewer tokens. With a JsonInText the answer is any text with
        such JSON in it.

        May take a second for a large schema. Raises GrammarError with the unsupported keyword and its path, and
        EngineDeadError after ``close``.
        """
        ...

    def eta_ms(self) -> int | None:
        """Estimate when a request submitted now would start, in milliseconds; None before any generation has ended."""
        ...

    def submit(self, request: GenerationRequest) -> None:
        """Queue a request whose prompt fits the context. Raises EngineDeadError."""
        ...

    def steer(self, id: str, instruction: Instruction) -> None:
        """Let an answer continue after ``instruction``, from its next token on, or from its first one if it has none.

        Each instruction is answered by Steered or SteerRefused, in order, or by the end of the answer. An unknown or
        ended id is ignored. Raises EngineDeadError.
        """
        ...

    def tune(self, id: str, tuning: Tuning) -> None:
        """Let an answer continue with other parameters, from its next token on.

        Each call is answered by Tuned, in order, or by the end of the answer. An answer that has as many tokens as a
        new ``max_tokens`` allows ends. An unknown or ended id is ignored. Raises EngineDeadError.
        """
        ...

    def look_up(self, lookup: Lookup) -> None:
        """Find the likeliest tokens at a place, which must fit the context. ``lookup.answer`` gets them.

        Generations come first: a lookup takes a slot only while no generation waits for one, and leaves it to them.
        Raises EngineDeadError.
        """
        ...

    def cancel(self, id: str, received: float) -> None:
        """End a generation in any phase. An unknown or ended id is ignored.

        ``received`` is the ``time.monotonic()`` of the cancel's receipt: ``Timings.stop`` counts from it.
        """
        ...

    def read_ahead(self, draft: Draft) -> None:
        """Read a draft into the KV cache while there is nothing else to compute. It must fit the context. Any request
        ends the running step of it. Ignored after ``close``."""
        ...

    def forget_draft(self, key: str) -> None:
        """Forget the draft of this key, with what was read of it. A request that was submitted before may still reuse
        that. An unknown key is ignored."""
        ...

    def stats(self) -> EngineStats: ...

    def close(self) -> None:
        """End every generation as INTERRUPTED, end the thread and free the model. Returns when this is done."""
        ...
