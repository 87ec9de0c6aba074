"""What the worker needs of a language model: rows in, tokens out. llama.py is the real one, scripted.py is for tests.

Except for ``tokenize`` and ``abort``, which any thread may call, a model belongs to the worker's thread, and after that
has ended to whoever closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol

from server.engine.base import EngineError, ModelFacts, SamplingParams


class DecodeError(EngineError):
    """The model could not compute a batch; what the batch's sequences hold in the KV cache is no longer certain."""


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

    def sample(self, row: int) -> int:
        """The next token, from the logits of the last batch's row number ``row``."""
        ...

    def close(self) -> None: ...


class Model(Protocol):
    """A loaded model with room for ``slots`` sequences of ``facts.context`` tokens each."""

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def slots(self) -> int: ...

    @property
    def batch_tokens(self) -> int:
        """The most rows that one decode takes."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """See Engine.tokenize. Raises EngineDeadError once the model is closed."""
        ...

    def piece(self, token: int) -> bytes:
        """The UTF-8 bytes that a token stands for; may be part of a character, empty for a control token."""
        ...

    def is_end(self, token: int) -> bool:
        """Whether the token ends an answer."""
        ...

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> Sampler:
        """A sampler for the answer to ``prompt``, of which ``written`` has been chosen already."""
        ...

    def decode(self, rows: Sequence[Row]) -> Outcome:
        """Compute one batch. Raises DecodeError."""
        ...

    def forget(self, slot: int, start: int = 0) -> bool:
        """Drop a slot's KV from position ``start`` on; False where the model can only drop the whole slot."""
        ...

    def abort(self) -> None:
        """Make the decode that runs now, or else the next one, return ABORTED. From any thread."""
        ...

    def rearm(self) -> None:
        """Take an abort back, before the next decode."""
        ...

    def close(self) -> None: ...
