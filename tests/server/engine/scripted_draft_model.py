"""A draft model without weights, which expects a text that the test gives."""

from __future__ import annotations

from collections.abc import Sequence

from server.engine.model import DecodeOutcome, Row
from tests.server.engine.scripted_model import END, Gate, ScriptedModel


class ScriptedDraftModel:
    """The DraftModel port for a scripted model, whose gate may be its own too.

    ``expected``: the tokens of prompt and answer. ``wrong_at``: places of these where it expects another token.
    """

    batch_tokens = 512
    decode_seconds = 0.0

    def __init__(self, model: ScriptedModel, expected: Sequence[int] = (), *, gate: Gate | None = None) -> None:
        self.facts = model.facts
        self.expected = list(expected)
        self.wrong_at: set[int] = set()
        self.gate = gate or Gate()
        self.failures: list[BaseException] = []
        self.batches: list[int] = []
        """Number of rows of each batch."""
        self.held: list[int] = []
        """The tokens in its KV cache."""
        self.can_forget = True
        self.closed = False
        self._model = model

    @property
    def rows_computed(self) -> int:
        return sum(self.batches)

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        if not self.gate.pass_through():
            self.held += [row.token for row in rows[:-1]]  # llama.cpp may have computed some of them
            return DecodeOutcome.ABORTED
        if self.failures:
            raise self.failures.pop(0)
        assert [row.position for row in rows] == list(range(len(self.held), len(self.held) + len(rows)))
        assert {row.slot for row in rows} == {0}
        assert len(rows) <= self.batch_tokens
        assert len(self.held) + len(rows) <= self.facts.context
        self.held += [row.token for row in rows]
        self.batches.append(len(rows))
        return DecodeOutcome.COMPUTED

    def forget(self, slot: int, start: int = 0) -> bool:
        if start and not self.can_forget:
            return False
        del self.held[start:]
        return True

    def greedy(self, output: int, below: int) -> int:
        """Return the next expected token. Its logits would depend on the KV cache, so that must follow the model's."""
        (kv,) = self._model.kv.values()
        assert self.held[: len(kv)] == kv
        at = len(self.held)
        token = self.expected[at] if at < len(self.expected) else END
        return (token + 1) % below if at in self.wrong_at else token

    def is_end(self, token: int) -> bool:
        return token == END

    def close(self) -> None:
        self.closed = True
