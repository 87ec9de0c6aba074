"""A model's tokens as llguidance wants to have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import llama_cpp as ll

_SPECIAL: Final = ll.LLAMA_TOKEN_ATTR_CONTROL | ll.LLAMA_TOKEN_ATTR_UNKNOWN | ll.LLAMA_TOKEN_ATTR_UNUSED


@dataclass(frozen=True, slots=True)
class TokenTable:
    """The bytes of each token, which of them are no text, and which end an answer.

    The names are those that llguidance reads.
    """

    tokens: list[bytes]
    special_token_ids: list[int]
    ends: list[int]
    bos_token_id: int | None = None

    @property
    def eos_token_id(self) -> int:
        return self.ends[0]

    def __call__(self, text: bytes) -> list[int]:
        """llguidance asks for this only where it forces tokens, which its grammars here don't."""
        return []


def read_tokens(vocab: object, piece: Callable[[int], bytes]) -> TokenTable:
    """``piece`` gives the bytes of a token, those of a special one included."""
    everything = range(ll.llama_vocab_n_tokens(vocab))
    ends = [token for token in everything if ll.llama_vocab_is_eog(vocab, token)]
    special = [token for token in everything if ll.llama_vocab_get_attr(vocab, token) & _SPECIAL]
    return TokenTable([piece(token) for token in everything], sorted({*special, *ends}), ends)
