"""A model without weights, for tests: its answers follow from prompt and seed, and tests decide when it computes.

Wrapped in BatchingEngine it runs the real worker, scheduler and detokenizer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence

from server.engine.base import ModelFacts, SamplingParams
from server.engine.model import DecodeError, Outcome, Row

WORDS = ("one ", "small ", "step ", "and ", "then ", "another ", "word, ", "line\n", "é", "漢", "🙂 ", "end. ")
END = 256
_FIRST_WORD = END + 1
_VOCABULARY = _FIRST_WORD + len(WORDS)


def scripted_tokens(prompt: Sequence[int], seed: int, count: int) -> list[int]:
    """The first ``count`` tokens that follow ``prompt``: words, and characters spelt in single bytes."""
    chooser = random.Random(f"{seed}:{list(prompt)}")
    tokens: list[int] = []
    while len(tokens) < count:
        word = chooser.randrange(len(WORDS))
        tokens.extend([_FIRST_WORD + word] if WORDS[word].isascii() else WORDS[word].encode())
    return tokens[:count]


class Gate:
    """Lets a test decide how many steps the model may compute; open at first."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._allowed: int | None = None
        self._aborted = False
        self._waiting = False

    def close(self) -> None:
        """Let no further step pass."""
        self._set(0)

    def open(self) -> None:
        """Let every step pass."""
        self._set(None)

    def step(self, count: int = 1) -> None:
        """Let ``count`` more steps pass."""
        with self._condition:
            self._allowed = (self._allowed or 0) + count
            self._condition.notify_all()

    def wait_until_held(self, timeout: float = 10) -> None:
        """Return once a step stands before the closed gate. Raises TimeoutError."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._waiting and self._allowed == 0, timeout):
                raise TimeoutError("no step came to the gate")

    def pass_through(self) -> bool:
        """Called by the model: wait to be let through; False when aborted instead."""
        with self._condition:
            self._waiting = self._allowed == 0
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._aborted or self._allowed != 0)
            self._waiting = False
            if self._aborted:
                return False
            if self._allowed is not None:
                self._allowed -= 1
            return True

    def abort(self, aborted: bool) -> None:
        with self._condition:
            self._aborted = aborted
            self._condition.notify_all()

    def _set(self, allowed: int | None) -> None:
        with self._condition:
            self._allowed = allowed
            self._condition.notify_all()


class ScriptedSampler:
    """Says the answer's tokens one after the other, then END."""

    def __init__(self, tokens: Iterator[int]) -> None:
        self._tokens = tokens

    def sample(self, row: int) -> int:
        return next(self._tokens, END)

    def close(self) -> None:
        pass


class ScriptedModel:
    """The Model port. ``answer_tokens`` is the length of an answer that no max_tokens ends earlier.

    ``failures`` are raised by the next decodes, one each: a DecodeError ends that batch, anything else the thread.
    """

    batch_tokens = 512

    def __init__(self, *, context: int = 2048, slots: int = 1, answer_tokens: int = 40) -> None:
        self.slots = slots
        self.gate = Gate()
        self.failures: list[BaseException] = []
        self.rows_computed = 0
        self.kv: dict[int, int] = {}
        """Tokens held for each slot; empty when nothing runs."""
        self._answer_tokens = answer_tokens
        self.facts = ModelFacts(
            name="Scripted",
            architecture="scripted",
            parameters=0,
            context=context,
            vocabulary=_VOCABULARY,
            chat_template=None,
            bos="",
            eos="",
            sampling=SamplingParams(),
        )

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode("utf-8", "replace"))

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < END else WORDS[token - _FIRST_WORD].encode()

    def is_end(self, token: int) -> bool:
        return token == END

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> ScriptedSampler:
        return ScriptedSampler(iter(scripted_tokens(prompt, params.seed, self._answer_tokens)[len(written) :]))

    def decode(self, rows: Sequence[Row]) -> Outcome:
        if not self.gate.pass_through():
            return Outcome.ABORTED
        if self.failures:
            raise self.failures.pop(0)
        for row in rows:
            if row.position != self.kv.get(row.slot, 0):
                raise DecodeError(f"slot {row.slot} holds {self.kv.get(row.slot, 0)} tokens, not {row.position}")
            self.kv[row.slot] = row.position + 1
        self.rows_computed += len(rows)
        return Outcome.COMPUTED

    def forget(self, slot: int, start: int = 0) -> bool:
        if start:
            self.kv[slot] = min(start, self.kv.get(slot, 0))
        else:
            self.kv.pop(slot, None)
        return True

    def abort(self) -> None:
        self.gate.abort(True)

    def rearm(self) -> None:
        self.gate.abort(False)

    def close(self) -> None:
        pass
