"""Grammars for JSON schemas, by llguidance: the tokens that may come next."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper
from numpy.typing import NDArray

from server.engine.base import GrammarError, JsonInText
from server.engine.llama.schema import termination
from server.engine.llama.schema.blame import find_culprit
from server.engine.llama.schema.writer import Written, WrittenSchema, write
from server.engine.llama.text_grammar import is_in_text, rules_of, text_of
from server.engine.llama.token_table import TokenTable
from server.engine.model import SamplerError

LIMITS: Final = LLParserLimits(
    max_items_in_row=5000, initial_lexer_fuel=4_000_000, max_lexer_states=50_000, verbose_errors=False
)
"""llguidance's limits on work and memory: a step takes at most 15 ms, its lexer's states at most 100 MB."""

KEPT: Final = 16
"""Compiled grammars kept for their answers. One that is evicted is compiled again, on the engine's thread."""

LOOKAHEAD: Final = 3
"""Tokens tried with each new grammar."""

_OPTIONS: Final = {
    "whitespace_pattern": r" ?|\n[ \t]{0,20}",  # bounded, since some models repeat white space forever
    # Without \u each property has only one spelling, so no two properties can be the same.
    "json_allowed_escapes": '"\\bfnrt',
}

_EXPLAINED: Final = {
    "oneOf constraints": "a value could obey several of these: use anyOf, or tell them apart by a required const",
    "Current row has": "there are too many alternatives at once",
}
"""Replacements for error texts of llguidance that describe its internals."""


class _Vocabulary(NamedTuple):
    """``ends``: tokens that end an answer; ``specials``: the spelling of each other token without text, in order."""

    tokenizer: LLTokenizer
    ends: frozenset[int]
    specials: Mapping[int, str]


class Grammars:
    """Compiles grammars for one vocabulary. Methods may be called from any thread."""

    def __init__(self, read_tokens: Callable[[], TokenTable]) -> None:
        self._read_tokens = read_tokens
        self._lock = threading.Lock()
        """Lock for reading the vocabulary and for the two fields below."""
        self._tokens: _Vocabulary | None = None
        self._kept: deque[tuple[str, LLMatcher]] = deque(maxlen=KEPT)
        """Compiled grammars. Each is used for one answer only: copies share the limited states of their lexer."""

    def compile(self, schema: Mapping[str, object] | JsonInText, *, compact: bool = False) -> str:
        """See Engine.grammar."""
        schemas = [part for _, part in schema.parts] if isinstance(schema, JsonInText) else [schema]
        written = [_checked(each) for each in schemas]
        texts = [_text(each.whole(each.root.written), compact) for each in written]
        text = text_of(schema, texts) if isinstance(schema, JsonInText) else texts[0]
        vocabulary = self._vocabulary()
        matcher = _matcher(vocabulary, text)
        if error := _error(matcher):
            raise self._culprit(written, error, compact)
        self._keep(text, matcher)
        return text

    def _culprit(self, schemas: Sequence[WrittenSchema], error: str, compact: bool) -> GrammarError:
        """Build the error of the first of ``schemas`` that can't be compiled, or of all together."""

        def compiled(part: Written) -> str:
            return _error(_matcher(self._vocabulary(), _text(part, compact)))

        for schema in schemas:
            if len(schemas) == 1 or compiled(schema.whole(schema.root.written)):
                return find_culprit(schema, error, compiled)
        return GrammarError(f"they can't be enforced together: {error}")

    def matcher(self, text: str) -> Matcher:
        """Return the initial matcher for a grammar from ``compile``. Raises SamplerError."""
        vocabulary = self._vocabulary()
        matcher = self._take(text) or _matcher(vocabulary, text)
        if error := _sentence(matcher.get_error()):
            raise SamplerError(f"the grammar of this answer can't be read: {error}")
        return Matcher(matcher, vocabulary.ends)

    def _keep(self, text: str, matcher: LLMatcher) -> None:
        with self._lock:
            self._kept.append((text, matcher))

    def _take(self, text: str) -> LLMatcher | None:
        with self._lock:
            for n, (known, matcher) in enumerate(self._kept):
                if known == text:
                    del self._kept[n]
                    return matcher
        return None

    def _vocabulary(self) -> _Vocabulary:
        with self._lock:
            if self._tokens is None:
                table = self._read_tokens()
                tokenizer = LLTokenizer(
                    TokenizerWrapper(table),
                    n_vocab=len(table.tokens),
                    eos_token=list(table.ends),
                    slices=LLTokenizer.json_slices(),
                )
                ends = frozenset(table.ends)
                others = [token for token in table.special_token_ids if token not in ends]
                specials = {token: table.tokens[token].decode("utf-8", "replace") for token in others}
                self._tokens = _Vocabulary(tokenizer, ends, specials)
            return self._tokens


class Matcher:
    """Follows one answer through its grammar. Owned by its sampler."""

    def __init__(self, matcher: LLMatcher, ends: frozenset[int]) -> None:
        self._matcher, self._ends = matcher, ends

    def allows(self, token: int) -> bool:
        """Tell whether ``token`` may come next. A token that ends the answer may, once the answer is complete."""
        if token in self._ends:
            return self._matcher.is_accepting()
        return self._matcher.validate_tokens([token]) == 1

    def allowed(self) -> NDArray[np.intp]:
        """Return every token that may come next. Raises SamplerError when there is none."""
        mask = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            raise SamplerError(f"the grammar failed: {_sentence(self._matcher.get_error())}")
        tokens = np.flatnonzero(np.unpackbits(mask, bitorder="little"))
        if not len(tokens):
            raise SamplerError("the grammar allows none of the model's tokens here")
        return tokens

    def accept(self, token: int) -> None:
        """Advance past ``token``, which must be allowed. Raises SamplerError."""
        if token not in self._ends and not self._matcher.consume_token(token):
            raise SamplerError(f"the grammar failed: {_sentence(self._matcher.get_error())}")


def _checked(schema: Mapping[str, object]) -> WrittenSchema:
    """Return a schema in llguidance's form. Raises GrammarError."""
    written = write(schema)
    termination.check(written)
    return written


def _text(schema: Written, compact: bool) -> str:
    options = {**_OPTIONS, "whitespace_pattern": " ?"} if compact else _OPTIONS
    return json.dumps({"x-guidance": options, **schema})


def _matcher(vocabulary: _Vocabulary, text: str) -> LLMatcher:
    """Build a matcher. ``no_forcing`` allows every tokenization of text that must come next, not just llguidance's
    choice."""
    rules = rules_of(text, vocabulary.specials) if is_in_text(text) else f"start: %json {text}"
    lark = f'%llguidance {{"no_forcing": true}}\n{rules}'
    return LLMatcher(vocabulary.tokenizer, LLMatcher.grammar_from_lark(lark), log_level=0, limits=LIMITS)


def _error(matcher: LLMatcher) -> str:
    """Return the reason why ``matcher`` can't be used, or "". Some limits show only after the first tokens."""
    ahead = matcher.deep_copy()
    for _ in range(LOOKAHEAD):
        allowed = np.flatnonzero(np.unpackbits(np.frombuffer(ahead.compute_bitmask(), np.uint8), bitorder="little"))
        if ahead.is_error() or not len(allowed) or not ahead.consume_token(int(allowed[-1])):
            break
    return _sentence(ahead.get_error())


def _sentence(error: str) -> str:
    """Shorten an error of llguidance to one line."""
    for words, explained in _EXPLAINED.items():
        if words in error:
            return explained
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")] or lines
    return errors[0].split("failed to compile JSON schema: ")[-1][:200] if errors else ""
