"""A model's tokens in the form that llguidance needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import llama_cpp as ll

_SPECIAL: Final = ll.LLAMA_TOKEN_ATTR_CONTROL | ll.LLAMA_TOKEN_ATTR_UNKNOWN | ll.LLAMA_TOKEN_ATTR_UNUSED


@dataclass(frozen=True, slots=True)
class TokenTable:
    """The bytes of each token, the tokens without text, and the tokens that end an answer.

    llguidance defines the names.
    """

    tokens: list[bytes]
    special_token_ids: list[int]
    ends: list[int]
    bos_token_id: int | None = None

    @property
    def eos_token_id(self) -> int:
        return self.ends[0]

    def __call__(self, text: bytes) -> list[int]:
        """Return nothing: llguidance calls this only to force tokens, which these grammars disable."""
        return []


def read_tokens(vocab: object, piece: Callable[[int], bytes]) -> TokenTable:
    """Build the table. ``piece`` returns the bytes of any token, special ones included."""
    everything = range(ll.llama_vocab_n_tokens(vocab))
    ends = [token for token in everything if ll.llama_vocab_is_eog(vocab, token)]
    special = [token for token in everything if ll.llama_vocab_get_attr(vocab, token) & _SPECIAL]
    return TokenTable([piece(token) for token in everything], sorted({*special, *ends}), ends)
