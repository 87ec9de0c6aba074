"""A model without weights. Its answers follow from prompt and seed; tests decide when it computes.

Wrapped in BatchingEngine it runs the real worker, scheduler and detokenizer.
"""

from __future__ import annotations

import array
import json
import math
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.engine.base import (
    Choice,
    EngineModelFacts,
    GrammarError,
    JsonInText,
    Likely,
    LikelyToken,
    Ranges,
    SamplingParams,
    TokenLogprob,
)
from server.engine.lookups import with_chosen
from server.engine.model import DecodeError, DecodeOutcome, LogitsError, Row

WORDS = ("one ", "small ", "step ", "and ", "then ", "another ", "word, ", "line\n", "é", "漢", "🙂 ", "end. ")
END = 256
_FIRST_WORD = END + 1
_VOCABULARY = _FIRST_WORD + len(WORDS)


def scripted_tokens(prompt: Sequence[int], seed: int, count: int) -> list[int]:
    """Return the first ``count`` tokens that follow ``prompt``: words, and characters spelt in single bytes."""
    chooser = random.Random(f"{seed}:{list(prompt)}")
    tokens: list[int] = []
    while len(tokens) < count:
        word = chooser.randrange(len(WORDS))
        tokens.extend([_FIRST_WORD + word] if WORDS[word].isascii() else WORDS[word].encode())
    return tokens[:count]


def example(schema: Any, root: Mapping[str, Any]) -> Any:
    """Return a value that obeys a schema of objects, enums, booleans and integers. Raises GrammarError for others."""
    match schema:
        case {"$ref": str(name)} if name.startswith("#/$defs/"):
            return example(root["$defs"][name.rpartition("/")[2]], root)
        case {"const": value} | {"enum": [value, *_]} | {"type": "integer", "minimum": value}:
            return value
        case {"anyOf": [first, *_]}:
            return example(first, root)
        case {"type": "boolean"}:
            return True
        case {"properties": dict(properties)}:
            return {name: example(each, root) for name, each in properties.items()}
    raise GrammarError("the scripted model supports no such grammar")


class Gate:
    """Control for the number of steps that the model may compute; open at first."""

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

    def wait_until_held(self, timeout: float = 60) -> None:
        """Wait until a step is blocked by the closed gate. Raises TimeoutError."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._waiting and self._allowed == 0, timeout):
                raise TimeoutError("no step came to the gate")

    def pass_through(self) -> bool:
        """Wait for permission to compute (called by the model). Returns False when aborted instead."""
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


def _without_middle(part: list[int], whole: list[int]) -> bool:
    """Tell whether ``part`` is ``whole`` with its middle removed."""
    same = next((n for n, (one, other) in enumerate(zip(part, whole, strict=False)) if one != other), len(part))
    return part[same:] == whole[len(whole) - len(part) + same :]


class ScriptedSampler:
    """Returns the answer's tokens one after the other, then END.

    It checks the KV cache for its answer, on which a real model's logits would depend: tokens other than the prompt and
    the answer so far are a fault of the engine.
    """

    def __init__(self, model: ScriptedModel, context: Sequence[int], tokens: Iterator[int]) -> None:
        self._model = model
        self._context = list(context)
        self._tokens = tokens

    def sample(self, output: int) -> int:
        seen = self._model.seen(output)
        if seen != self._context and not (self._model.shifts and _without_middle(seen, self._context)):
            raise AssertionError(f"the KV cache holds {seen}, and not {self._context}")
        token = next(self._tokens, END)
        if token in self._model.poisoned:
            raise LogitsError("the model computed values that are not numbers")
        self._context.append(token)
        return token

    def close(self) -> None:
        pass


class ScriptedModel:
    """The Model port without weights. ``answer_tokens``: length of an answer that max_tokens does not end earlier.

    ``failures`` are raised by the next decodes, one each. ``kv_tokens``: size of a KV cache that all slots share.
    """

    batch_tokens = 512
    decode_seconds = 0.0
    kv_identity = "scripted"

    def __init__(
        self,
        *,
        context: int = 2048,
        slots: int = 1,
        answer_tokens: int = 40,
        kv_tokens: int | None = None,
    ) -> None:
        self.slots = slots
        self.shared = kv_tokens is not None
        self.cells = slots * context if kv_tokens is None else kv_tokens
        self.can_cut = True
        self.gate = Gate()
        self.failures: list[BaseException] = []
        self.poison: set[int] = set()
        """Tokens that make a batch fail."""
        self.poisoned: set[int] = set()
        """Tokens for which there are no logits."""
        self.rows_computed = 0
        self.batches: list[list[Row]] = []
        self.shifts = 0
        """Number of shifts done."""
        self.kv: dict[int, list[int]] = {}
        """The tokens in each slot."""
        self._kv_tokens = kv_tokens
        self._outputs: list[list[int]] = []
        self._answer_tokens = answer_tokens
        self.facts = EngineModelFacts(
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

    def tokenize(self, text: str, quoted: Ranges = ()) -> list[int]:
        return list(text.encode("utf-8", "replace"))

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        return [self.piece(token) for token in tokens]

    def texts(self, tokens: Sequence[int]) -> list[bytes]:
        return self.pieces(tokens)

    def continuation(self, text: str) -> list[int]:
        """Spell the text as an answer has it: words are tokens, other characters single bytes."""
        return [_FIRST_WORD + WORDS.index(text)] if text in WORDS and text.isascii() else list(text.encode())

    def grammar(self, schema: Mapping[str, object] | JsonInText, *, compact: bool = False) -> str:
        if not isinstance(schema, JsonInText):
            return json.dumps(example(schema, schema))
        head, first = schema.parts[0]
        return f"{schema.begin}{head}{json.dumps(example(first, first))}{schema.end}"

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < END else WORDS[token - _FIRST_WORD].encode()

    def is_end(self, token: int) -> bool:
        return token == END

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> ScriptedSampler:
        whole = params.grammar.encode() if params.grammar else None
        tokens = list(whole or scripted_tokens(prompt, params.seed, self._answer_tokens))[len(written) :]
        return ScriptedSampler(self, [*prompt, *written], iter(tokens))

    def logprobs(self, output: int, token: int, count: int) -> Choice:
        """Return equal probabilities for every token of the vocabulary."""
        equal = TokenLogprob(self.piece(token), -math.log(_VOCABULARY))
        return Choice(equal, (equal,) * count)

    def likeliest(self, output: int, chosen: int | None, count: int) -> Likely:
        """Return the first tokens of the vocabulary, each half as likely as the one before. So a test sees by the last
        token before the place whether it was the right one: it comes first."""
        last = self._outputs[output][-1]
        order = [last, *(token for token in range(_VOCABULARY) if token != last)]
        likely = [
            LikelyToken(
                b"" if token == END else self.piece(token), -math.log(2) * (n + 1), token == chosen, token == END
            )
            for n, token in enumerate(order)
        ]
        own = next((each for each in likely if each.chosen), None)
        return with_chosen(likely[:count], own)

    @property
    def held_tokens(self) -> int:
        """Number of tokens in all slots."""
        return sum(map(len, self.kv.values()))

    def seen(self, output: int) -> list[int]:
        """Return the tokens that the last batch's ``output``-th row with logits attended to."""
        return self._outputs[output]

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        if not self.gate.pass_through():
            return DecodeOutcome.ABORTED
        if self.failures:
            raise self.failures.pop(0)
        if any(row.token in self.poison for row in rows):
            raise DecodeError("a token of this batch is poison")
        if self._kv_tokens is not None and self.held_tokens + len(rows) > self._kv_tokens:
            return DecodeOutcome.NO_SLOT
        self._outputs = []
        for row in rows:
            held = self.kv.setdefault(row.slot, [])
            if row.position != len(held):
                raise AssertionError(f"slot {row.slot} holds {len(held)} tokens, not {row.position}")
            held.append(row.token)
            if row.logits:
                self._outputs.append(list(held))
        self.rows_computed += len(rows)
        self.batches.append(list(rows))
        return DecodeOutcome.COMPUTED

    def forget(self, slot: int, start: int = 0) -> bool:
        del self.kv.setdefault(slot, [])[start:]
        if not self.kv[slot]:
            del self.kv[slot]
        return True

    def copy(self, source: int, target: int) -> bool:
        self.kv[target] = list(self.kv[source])
        return True

    def save(self, slot: int) -> memoryview:
        return memoryview(array.array("i", self.kv[slot]).tobytes())

    def restore(self, slot: int, state: memoryview) -> bool:
        self.kv[slot] = array.array("i", state.tobytes()).tolist()
        return True

    def shift(self, slot: int, start: int, count: int) -> bool:
        del self.kv[slot][start : start + count]
        self.shifts += 1
        return True

    def reset(self) -> None:
        self.kv.clear()

    def abort(self) -> None:
        self.gate.abort(True)

    def rearm(self) -> None:
        self.gate.abort(False)

    def close(self) -> None:
        pass
