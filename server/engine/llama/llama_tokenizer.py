"""Tokenizer over llama.cpp's. Quoted text never becomes a control token."""

from __future__ import annotations

import ctypes
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Final

import llama_cpp as ll

from server.engine.base import Ranges
from server.engine.llama.marks import Marks, Place, looks_like_a_mark

_CONTROL: Final = ll.LLAMA_TOKEN_ATTR_CONTROL | ll.LLAMA_TOKEN_ATTR_UNKNOWN
_SPACE: Final = " \t\n\v\f\r"

LONGEST: Final = 256
"""Largest text of a token that is found as a whole, in bytes."""

_LEAD: Final = "\ue000"
"""A character that no vocabulary merges with another: SentencePiece puts its space before this one."""


class Tokenizer:
    """Tokenizer of one vocabulary. Not thread-safe."""

    def __init__(self, vocab: ll.llama_vocab_p) -> None:
        self._vocab = vocab
        self._bos = int(ll.llama_vocab_bos(vocab)) if ll.llama_vocab_get_add_bos(vocab) else -1
        """BOS token for the start of every prompt; negative when the model wants none."""
        self._puts_space = ll.llama_vocab_type(vocab) == ll.LLAMA_VOCAB_TYPE_SPM
        """True when llama.cpp may put a space before each text that it tokenizes."""
        self._texts = self._mark_texts()
        self._marks = Marks(self._texts)
        self._whole: dict[bytes, int] | None = None
        """Each token by its text; None until it is needed."""

    def tokenize(self, text: str, quoted: Ranges = ()) -> list[int]:
        """See Engine.tokenize.

        Text without a quoted mark is passed to llama.cpp unchanged. Otherwise the unquoted marks are extracted here, by
        llama.cpp's rule, and the text between them is tokenized as plain text.
        """
        touched = self._marks.touching(text, quoted) if quoted else ()
        tokens = self._piece_by_piece(text, quoted, touched) if touched else self._tokens(text, special=True)
        return [self._bos, *tokens] if self._bos >= 0 and tokens[:1] != [self._bos] else tokens

    def continuation(self, text: str) -> list[int]:
        """Tokenize plain text that follows other text. No token is a control token."""
        touched = self._marks.touching(text, [(0, len(text))])
        cuts = (_behind_starts(touched, self._is_user_defined), _behind_starts(touched))
        return self._plain_tokens(text, 0, len(text), cuts, follows=True)

    def whole(self, text: str) -> int | None:
        """Return the ordinary token with exactly this text; None without one. A control token does not count."""
        if self._whole is None:
            every = range(ll.llama_vocab_n_tokens(self._vocab))
            self._whole = {self._text(token): token for token in reversed(every) if token not in self._texts}
        return self._whole.get(text.encode("utf-8", "replace"))

    def _text(self, token: int) -> bytes:
        """Return the text of a token; empty if it is longer than any that a client may name as a whole."""
        buffer = ctypes.create_string_buffer(LONGEST)
        length = ll.llama_token_to_piece(self._vocab, token, buffer, LONGEST, 0, False)
        return buffer.raw[:length] if length > 0 else b""

    def _piece_by_piece(self, text: str, quoted: Ranges, touched: Collection[Place]) -> list[int]:
        tokens: list[int] = []
        begin = 0
        # llama.cpp always extracts a user-defined token from a text. It ignores a control token, but merges may form
        # one.
        cuts = (_behind_starts(touched, self._is_user_defined), _behind_starts(touched))
        for place in self._marks.apart(text, quoted):
            tokens += self._plain_tokens(text, begin, self._stripped_end(text, begin, place), cuts)
            tokens.append(place.token)
            begin = self._stripped_start(text, place)
        return tokens + self._plain_tokens(text, begin, len(text), cuts)

    def _plain_tokens(
        self, text: str, start: int, end: int, cuts: Sequence[Sequence[int]], follows: bool = False
    ) -> list[int]:
        """Tokenize text without marks: cut at the first ``cuts``, and at the others if the result still contains a
        mark.

        ``follows``: other text precedes this one.
        """
        tokens: list[int] = []
        for first, last in pairwise((start, *_between(cuts[0], start, end), end)):
            piece, after_text = text[first:last], follows or first > start
            found = self._tokens_after(piece, after_text)
            if not any(mark in piece for mark in map(self._texts.get, found) if mark):
                tokens += found
            elif len(cuts) > 1:
                tokens += self._plain_tokens(text, first, last, cuts[1:], after_text)
            else:
                for place, character in enumerate(piece):
                    tokens += self._tokens_after(character, after_text or place > 0)
        return tokens

    def _tokens_after(self, text: str, follows: bool) -> list[int]:
        """Tokenize plain text. If it follows other text, no space is put before it."""
        if not (follows and self._puts_space):
            return self._tokens(text)
        lead, all = self._tokens(_LEAD), self._tokens(_LEAD + text)
        return all[len(lead) :] if all[: len(lead)] == lead else self._tokens(text)

    def _tokens(self, text: str, *, special: bool = False) -> list[int]:
        data = text.encode("utf-8", "replace")
        tokens = (ll.llama_token * (len(data) + 2))()
        count = ll.llama_tokenize(self._vocab, data, len(data), tokens, len(tokens), False, special)
        return tokens[:count]

    def _stripped_start(self, text: str, place: Place) -> int:
        if not self._attributes(place.token) & ll.LLAMA_TOKEN_ATTR_RSTRIP:
            return place.end
        return len(text) - len(text[place.end :].lstrip(_SPACE))

    def _stripped_end(self, text: str, begin: int, place: Place) -> int:
        if not self._attributes(place.token) & ll.LLAMA_TOKEN_ATTR_LSTRIP:
            return place.start
        return begin + len(text[begin : place.start].rstrip(_SPACE))

    def _is_user_defined(self, token: int) -> bool:
        return not self._attributes(token) & _CONTROL

    def _attributes(self, token: int) -> int:
        return int(ll.llama_vocab_get_attr(self._vocab, token))

    def _mark_texts(self) -> dict[int, str]:
        """Return the text of each token that a prompt's text must not become."""
        texts: dict[int, str] = {}
        for token in range(ll.llama_vocab_n_tokens(self._vocab)):
            attributes = self._attributes(token)
            if not attributes & (_CONTROL | ll.LLAMA_TOKEN_ATTR_USER_DEFINED):
                continue
            text = bytes(ll.llama_vocab_get_text(self._vocab, token)).decode("utf-8", "replace")
            if text and (attributes & _CONTROL or ll.llama_vocab_is_eog(self._vocab, token) or looks_like_a_mark(text)):
                texts[token] = text
        return texts


def _behind_starts(places: Collection[Place], wanted: Callable[[int], bool] = lambda token: True) -> list[int]:
    """Return the position after the first character of each place whose token is wanted, in order."""
    return sorted({place.start + 1 for place in places if wanted(place.token)})


def _between(cuts: Sequence[int], start: int, end: int) -> Sequence[int]:
    return cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
