"""The Engine port: the interface between the server and the code that computes tokens.

Requests may be submitted from any thread. Results are delivered on the engine's own thread, with one call of the
listener per step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from server.engine.engine_stats import EngineStats as EngineStats
from server.engine.errors import EngineDeadError as EngineDeadError
from server.engine.errors import EngineError as EngineError
from server.engine.errors import GrammarError as GrammarError
from server.engine.errors import LoadAbandonedError as LoadAbandonedError
from server.engine.errors import ModelError as ModelError
from server.engine.lookups import Likely as Likely
from server.engine.lookups import LikelyToken as LikelyToken
from server.engine.lookups import Lookup as Lookup
from server.engine.requests import Draft as Draft
from server.engine.requests import GenerationRequest as GenerationRequest
from server.engine.requests import Instruction as Instruction
from server.engine.requests import Tuning as Tuning
from server.engine.sampling_params import SamplingParams as SamplingParams  # belongs to the port, and is generated
from server.engine.updates import Choice as Choice
from server.engine.updates import Delayed as Delayed
from server.engine.updates import EngineTimings as EngineTimings
from server.engine.updates import EngineUsage as EngineUsage
from server.engine.updates import Finished as Finished
from server.engine.updates import FinishReason as FinishReason
from server.engine.updates import Limit as Limit
from server.engine.updates import Loading as Loading
from server.engine.updates import Phase as Phase
from server.engine.updates import Piece as Piece
from server.engine.updates import Prefill as Prefill
from server.engine.updates import PromptMade as PromptMade
from server.engine.updates import Queued as Queued
from server.engine.updates import Steered as Steered
from server.engine.updates import SteerRefused as SteerRefused
from server.engine.updates import TokenLogprob as TokenLogprob
from server.engine.updates import Tuned as Tuned
from server.engine.updates import Update as Update
from server.engine.updates import UpstreamState as UpstreamState

RANDOM_SEED = -1
"""Seed that makes the engine pick a new random seed for each request, as in llama.cpp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineModelFacts:
    """Facts about the loaded model. ``chat_template`` is the model's own; None when it has none.

    ``tokens`` are further special tokens by their names in chat templates, such as ``pad_token``. ``size``: of the
    weights, in bytes. ``trained_context``: tokens that the model was trained for. None when unknown.
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
    trained_context: int | None = None

    @property
    def special_tokens(self) -> Mapping[str, str]:
        """All special tokens by their names in chat templates."""
        return {"bos_token": self.bos, "eos_token": self.eos, **self.tokens}


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
