"""The Model port: rows in, tokens out. llama/ has the real one, tests/server/engine/scripted_model.py a scripted one.

Any thread may call ``tokenize``, ``pieces``, ``texts``, ``continuation``, ``grammar`` and ``abort``. All else belongs
to the worker's thread, and after its end to the thread that closes the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol

from server.engine.base import Choice, EngineError, EngineModelFacts, JsonInText, Likely, Ranges, SamplingParams


class DecodeError(EngineError):
    """The model could not compute a batch; the KV of the batch's sequences is no longer valid."""


class SamplerError(EngineError):
    """No token can be chosen for one sequence; the others of its batch are unaffected."""


class LogitsError(SamplerError):
    """The model computed logits that are not numbers."""


class Row(NamedTuple):
    """One token of a batch: its sequence's KV slot, its position there, and whether its logits are needed."""

    token: int
    slot: int
    position: int
    logits: bool


class DecodeOutcome(Enum):
    """Result of a decode without an error."""

    COMPUTED = auto()
    ABORTED = auto()
    NO_SLOT = auto()


class Sampler(Protocol):
    """Chooses the tokens of one sequence and tracks its choices."""

    def sample(self, output: int) -> int:
        """Choose the next token from the last batch's ``output``-th row with logits. Raises SamplerError."""
        ...

    def close(self) -> None: ...


class Model(Protocol):
    """A loaded model with room for ``slots`` sequences of ``facts.context`` tokens each."""

    @property
    def facts(self) -> EngineModelFacts: ...

    @property
    def slots(self) -> int: ...

    @property
    def shared(self) -> bool:
        """True when all sequences share one KV cache, which can then fill up before each has all its tokens.

        When each has its own part, a batch is fast only if its slots are consecutive.
        """
        ...

    @property
    def can_cut(self) -> bool:
        """False when the model can only drop a whole slot, not its last tokens: then ``forget`` fails for those."""
        ...

    @property
    def cells(self) -> int:
        """Capacity of the KV cache in tokens, for all sequences together."""
        ...

    @property
    def batch_tokens(self) -> int:
        """Maximum number of rows of one decode."""
        ...

    @property
    def kv_identity(self) -> str:
        """One line that identifies all that a saved state depends on: model file, llama.cpp, layout of the KV."""
        ...

    def tokenize(self, text: str, quoted: Ranges = ()) -> list[int]:
        """See Engine.tokenize. Raises EngineDeadError once the model is closed."""
        ...

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """See Engine.pieces. Raises EngineDeadError once the model is closed."""
        ...

    def texts(self, tokens: Sequence[int]) -> list[bytes]:
        """See Engine.texts. Raises EngineDeadError once the model is closed."""
        ...

    def continuation(self, text: str) -> list[int]:
        """See Engine.continuation. Raises EngineDeadError once the model is closed."""
        ...

    def grammar(self, schema: Mapping[str, object] | JsonInText, *, compact: bool = False) -> str:
        """See Engine.grammar."""
        ...

    def piece(self, token: int) -> bytes:
        """Return the UTF-8 bytes of a token: possibly part of a character; empty for control tokens that are not
        thinking marks."""
        ...

    def is_end(self, token: int) -> bool:
        """Tell whether the token ends an answer."""
        ...

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> Sampler:
        """Create a sampler for the answer to ``prompt`` after its tokens ``written``. Raises SamplerError."""
        ...

    def logprobs(self, output: int, token: int, count: int) -> Choice:
        """Return the logprob of ``token`` in row ``output`` of the last batch, and the ``count`` likeliest tokens."""
        ...

    def likeliest(self, output: int, chosen: int | None, count: int) -> Likely:
        """Return the ``count`` likeliest tokens in row ``output`` of the last batch, and ``chosen``. Raises
        SamplerError."""
        ...

    @property
    def decode_seconds(self) -> float:
        """Total time spent computing batches, in seconds."""
        ...

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        """Compute one batch. Raises DecodeError."""
        ...

    def forget(self, slot: int, start: int = 0) -> bool:
        """Drop a slot's KV from position ``start``. Returns False when the model can only drop the whole slot."""
        ...

    def copy(self, source: int, target: int) -> bool:
        """Copy the slot ``source`` to the empty slot ``target``. Returns False when it does not fit; ``target``
        stays empty."""
        ...

    def save(self, slot: int) -> memoryview:
        """Return a slot's state as bytes in RAM; empty when the model can't."""
        ...

    def restore(self, slot: int, state: memoryview) -> bool:
        """Load a state from ``save`` into any slot. Returns False when it does not fit; the slot is then empty."""
        ...

    def shift(self, slot: int, start: int, count: int) -> bool:
        """Drop ``count`` tokens from position ``start`` and move the later ones up. Returns False when the model
        can't."""
        ...

    def reset(self) -> None:
        """Reset to empty slots after a failed decode. Raises ModelError."""
        ...

    def abort(self) -> None:
        """Make the running decode, or else the next one, return ABORTED. May be called from any thread."""
        ...

    def rearm(self) -> None:
        """Clear an abort, before the next decode."""
        ...

    def close(self) -> None: ...


class DraftModel(Protocol):
    """A small loaded model with the vocabulary of a larger one, for which it proposes tokens. It has one slot, 0.

    All belongs to the worker's thread. ``abort`` and ``rearm`` of the larger model reach its decodes too.
    """

    @property
    def facts(self) -> EngineModelFacts: ...

    @property
    def batch_tokens(self) -> int:
        """Maximum number of rows of one decode."""
        ...

    @property
    def decode_seconds(self) -> float:
        """Total time spent computing batches, in seconds."""
        ...

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        """Compute one batch. Raises DecodeError."""
        ...

    def forget(self, slot: int, start: int = 0) -> bool:
        """Drop the slot's KV from position ``start``. Returns False when that failed."""
        ...

    def greedy(self, output: int, below: int) -> int:
        """Return the likeliest of the tokens below ``below`` in row ``output`` of the last batch."""
        ...

    def is_end(self, token: int) -> bool:
        """Tell whether the token ends an answer."""
        ...

    def close(self) -> None: ...
