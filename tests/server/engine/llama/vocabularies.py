"""Small vocabulary files, and llama.cpp's tokenizer on them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import gguf
import llama_cpp as ll

from server.engine.llama.llama_log import log
from server.engine.llama.llama_tokenizer import Tokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
"""Token types of a GGUF file."""

MARKS = dict.fromkeys(["<s>", "</s>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "[INST]"], CONTROL)
OWN_TOKENS = {
    "<think>": USER_DEFINED,
    "</think>": USER_DEFINED,
    "   ": USER_DEFINED,
    "\n\n": USER_DEFINED,
    "<b>": USER_DEFINED,
}


def write_bpe(path: Path, **options: bool | str) -> Path:
    """Write a byte-level vocabulary like GPT-2's: a token for each byte, and ``he``. ``options``: see _written."""
    letters = [_letter(byte) for byte in range(256)]
    tokens = {**dict.fromkeys([*letters, "he", "He"], NORMAL), **MARKS, **OWN_TOKENS}
    return _written(path, "gpt2", tokens, ["h e", "H e"], options)


def write_spm(path: Path, **options: bool | str) -> Path:
    """Write a vocabulary like SentencePiece's, with byte fallback. ``options``: see _written."""
    plain = [
        "▁",
        "▁h",
        "he",
        "▁he",
        "<s",
        "</",
        "</s",
        *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ<>|_/[].,!?",
    ]
    tokens = {
        "<unk>": UNKNOWN,
        **MARKS,
        **{f"<0x{byte:02X}>": BYTE for byte in range(256)},
        **dict.fromkeys(plain, NORMAL),
        **OWN_TOKENS,
    }
    return _written(path, "llama", tokens, None, options)


def _letter(byte: int) -> str:
    """Return GPT-2's character for a byte: the byte's own character if printable."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return chr(byte if byte in printable else 256 + [each for each in range(256) if each not in printable].index(byte))


def _written(
    path: Path, model: str, tokens: Mapping[str, int], merges: list[str] | None, options: Mapping[str, bool | str]
) -> Path:
    """Write the file. ``options``: ``add_bos`` and ``add_eos``, ``add_space_prefix``, ``name`` of the model."""
    texts = list(tokens)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(str(options.get("name", "vocabulary")))
    writer.add_tokenizer_model(model)
    writer.add_tokenizer_pre("default")
    writer.add_token_list(texts)
    writer.add_token_scores([float(-place) for place in range(len(texts))])
    writer.add_token_types(list(tokens.values()))
    if merges is not None:
        writer.add_token_merges(merges)
    writer.add_bos_token_id(texts.index("<s>"))
    writer.add_eos_token_id(texts.index("</s>"))
    writer.add_add_bos_token(bool(options.get("add_bos", False)))
    writer.add_add_eos_token(bool(options.get("add_eos", False)))
    if "add_space_prefix" in options:
        writer.add_add_space_prefix(bool(options["add_space_prefix"]))
    for key, value in (("context_length", 64), ("embedding_length", 8), ("block_count", 1)):
        writer.add_uint32(f"llama.{key}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


class OpenVocabulary:
    """A vocabulary loaded by llama.cpp, with our tokenizer and llama.cpp's own."""

    def __init__(self, vocab: ll.llama_vocab_p) -> None:
        self._vocab = vocab
        self.tokenizer = Tokenizer(vocab)

    def id(self, mark: str) -> int:
        """Return the token of a mark."""
        return next(token for token, text in self.tokenizer._texts.items() if text == mark)

    def plain(self, text: str, *, special: bool = True) -> list[int]:
        """Tokenize a text with llama.cpp alone."""
        data = text.encode("utf-8", "replace")
        tokens = (ll.llama_token * (len(data) + 2))()
        count = ll.llama_tokenize(self._vocab, data, len(data), tokens, len(tokens), False, special)
        return tokens[:count]

    def text(self, tokens: list[int]) -> str:
        """Return the text of tokens, marks included."""
        pieces = []
        for token in tokens:
            buffer = ctypes.create_string_buffer(256)
            length = ll.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, True)
            pieces.append(buffer.raw[:length])
        return b"".join(pieces).decode("utf-8", "replace")


@contextmanager
def vocabulary(path: Path) -> Iterator[OpenVocabulary]:
    """Load the vocabulary of a model file, without the model."""
    log.install()
    ll.llama_backend_init()
    params = ll.llama_model_default_params()
    params.vocab_only = True
    model = ll.llama_model_load_from_file(os.fsencode(path), params)
    assert model, path
    try:
        yield OpenVocabulary(ll.llama_model_get_vocab(model))
    finally:
        ll.llama_model_free(model)
