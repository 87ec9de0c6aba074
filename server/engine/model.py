"""What the worker needs of a language model: rows in, tokens out. llama/ is the real one, scripted.py is for tests.

Except for ``tokenize``, ``grammar`` and ``abort``, which any thread may call, a model belongs to the worker's thread,
and after that has ended to whoever closes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol

from server.engine.base import Choice, EngineError, ModelFacts, Ranges, SamplingParams


class DecodeError(EngineError):
    """The model could not compute a batch; what the batch's sequences hold in the KV cache is no longer certain."""


class SamplerError(EngineError):
    """No token can be chosen for one sequence; the others of its batch are unharmed."""


class LogitsError(SamplerError):
    """The model computed no numbers to choose a token by."""


class Row(NamedTuple):
    """One token of a batch: its sequence's KV slot, its position there, and whether its logits are wanted."""

    token: int
    slot: int
    position: int
    logits: bool


class Outcome(Enum):
    """How a decode ended when nothing was wrong."""

    COMPUTED = auto()
    ABORTED = auto()
    NO_SLOT = auto()


class Sampler(Protocol):
    """Chooses the tokens of one sequence and remembers what it chose."""

    def sample(self, output: int) -> int:
        """The next token, by the last batch's row number ``output`` of those that wanted logits. Raises
        SamplerError."""
        ...

    def close(self) -> None: ...


class Model(Protocol):
    """A loaded model with room for ``slots`` sequences of ``facts.context`` tokens each."""

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def slots(self) -> int: ...

    @property
    def shared(self) -> bool:
        """Whether all sequences share one KV cache, so that it can be full before each has all its tokens.

        Where each has its own part of it, a batch is fast only if its slots follow each other without a gap.
        """
        ...

    @property
    def cells(self) -> int:
        """How many tokens the KV cache holds, of all sequences together."""
        ...

    @property
    def batch_tokens(self) -> int:
        """The most rows that one decode takes."""
        ...

    def tokenize(self, text: str, quoted: Ranges = ()) -> list[int]:
        """See Engine.tokenize. Raises EngineDeadError once the model is closed."""
        ...

    def grammar(self, schema: Mapping[str, object]) -> str:
        """See Engine.grammar."""
        ...

    def piece(self, token: int) -> bytes:
        """The UTF-8 bytes that a token stands for: maybe part of a character, nothing for a control token, unless it
        is a mark of thinking."""
        ...

    def is_end(self, token: int) -> bool:
        """Whether the token ends an answer."""
        ...

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> Sampler:
        """A sampler for the answer to ``prompt``, of which ``written`` has been chosen already. Raises SamplerError."""
        ...

    def logprobs(self, output: int, token: int, count: int) -> Choice:
        """How likely ``token`` was by row ``output`` of the last batch, and the ``count`` likeliest tokens."""
        ...

    @property
    def decode_seconds(self) -> float:
        """Seconds spent computing batches since the beginning."""
        ...

    def decode(self, rows: Sequence[Row]) -> Outcome:
        """Compute one batch. Raises DecodeError."""
        ...

    def forget(self, slot: int, start: int = 0) -> bool:
        """Drop a slot's KV from position ``start`` on; False where the model can only drop the whole slot."""
        ...

    def copy(self, source: int, target: int) -> bool:
        """Make the empty slot ``target`` hold what ``source`` holds; False: it does not fit, and ``target`` stays
        empty."""
        ...

    def save(self, slot: int) -> memoryview:
        """What a slot holds, as bytes in plain memory; empty where the model can't."""
        ...

    def restore(self, slot: int, state: memoryview) -> bool:
        """Put back what ``save`` gave, into any slot; False: it does not fit, and the slot is empty."""
        ...

    def shift(self, slot: int, start: int, count: int) -> bool:
        """Drop ``count`` tokens from position ``start`` on and move up what follows; False where the model can't."""
        ...

    def reset(self) -> None:
        """Begin anew with empty slots, after a decode that failed. Raises ModelError."""
        ...

    def abort(self) -> None:
        """Make the decode that runs now, or else the next one, return ABORTED. From any thread."""
        ...

    def rearm(self) -> None:
        """Take an abort back, before the next decode."""
        ...

    def close(self) -> None: ...
