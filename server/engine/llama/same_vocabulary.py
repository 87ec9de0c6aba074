"""Comparison of the vocabularies of a model and of its draft model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import llama_cpp as ll

MOST_FURTHER: Final = 128
"""Number of tokens by which the vocabularies may differ at their ends, which are often padded (llama.cpp's limit)."""

FIRST_COMPARED: Final = 5
"""First token whose text is compared, as in llama.cpp: models of one family may name the special ones before it
differently."""

_ADDED: Final = (
    ("BOS", ll.llama_vocab_get_add_bos, ll.llama_vocab_bos),
    ("EOS", ll.llama_vocab_get_add_eos, ll.llama_vocab_eos),
)
"""Tokens that are added to a text, where a model adds any."""


def vocabulary_problem(model: object, draft: object) -> str | None:
    """Return the first difference that keeps ``draft`` from proposing tokens for ``model``; None without one."""
    return next(_differences(model, draft), None)


def _differences(model: object, draft: object) -> Iterator[str]:
    if ll.llama_vocab_type(model) != ll.llama_vocab_type(draft):
        yield "its tokenizer is of another kind"
    for name, adds, token in _ADDED:
        if adds(model) != adds(draft) or (adds(model) and token(model) != token(draft)):
            yield f"its {name} token is another"
    sizes = [ll.llama_vocab_n_tokens(vocab) for vocab in (model, draft)]
    if abs(sizes[0] - sizes[1]) > MOST_FURTHER:
        yield f"it has {sizes[1]} tokens, and the model {sizes[0]}"
    for token in range(FIRST_COMPARED, min(sizes)):
        one, other = ll.llama_vocab_get_text(model, token), ll.llama_vocab_get_text(draft, token)
        if one != other:
            yield f"token {token} is {_text(other)} in it, and {_text(one)} in the model"


def _text(piece: bytes | None) -> str:
    return repr((piece or b"").decode("utf-8", "replace"))
