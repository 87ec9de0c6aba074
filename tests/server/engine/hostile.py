"""Invalid model files, made from the starter's."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from server.starter import MODEL_PATH

WHOLE: Final = MODEL_PATH.read_bytes()


def put(format: str, value: int, at: int) -> bytes:
    data = bytearray(WHOLE)
    struct.pack_into(format, data, at, value)
    return bytes(data)


def value_of(key: str) -> int:
    """Return the offset of a key's value, after its type."""
    name = key.encode()
    return WHOLE.index(struct.pack("<Q", len(name)) + name) + 8 + len(name) + 4


def tensor(name: str) -> int:
    """Return the offset of a tensor's description after its name: number of dimensions, dimensions, type, offset."""
    text = name.encode()
    return WHOLE.index(struct.pack("<Q", len(text)) + text, value_of("tokenizer.chat_template")) + 8 + len(text)


def header(tensors: int, keys: int, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + rest


def string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def nested(depth: int) -> bytes:
    """Return a key whose value is an endlessly nested array."""
    return string(b"general.name") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * depth


EMBEDDING: Final = "token_embd.weight"

HOSTILE: Final[Mapping[str, Callable[[], bytes]]] = {
    "nothing": lambda: b"",
    "a text": lambda: b"# This is no model\n" * 100,
    "four letters": lambda: b"GGUF",
    "cut in its keys": lambda: WHOLE[:1000],
    "cut in its vocabulary": lambda: WHOLE[:20_000],
    "cut in its weights": lambda: WHOLE[: len(WHOLE) // 2],
    "of another version": lambda: put("<I", 2**31 - 1, 4),
    "of version 0": lambda: put("<I", 0, 4),
    "of the other byte order": lambda: put(">I", 3, 4),
    "very many tensors": lambda: put("<Q", 2**62, 8),
    "a million tensors": lambda: put("<Q", 1_000_000, 8),
    "very many keys": lambda: put("<Q", 2**62, 16),
    "negative counts": lambda: header(2**64 - 1, 2**64 - 1, WHOLE[24:]),
    "a key as long as the world": lambda: put("<Q", 2**63 - 1, 24),
    "a string as long as the world": lambda: put("<Q", 2**63 - 1, value_of("general.name")),
    "a string of a gigabyte": lambda: put("<Q", 2**30, value_of("general.name")),
    "a value of no known kind": lambda: put("<I", 99, value_of("general.name") - 4),
    "an array of no known kind": lambda: put("<I", 99, value_of("tokenizer.ggml.scores")),
    "a huge array": lambda: put("<Q", 2**61, value_of("tokenizer.ggml.scores") + 4),
    "arrays in arrays": lambda: header(0, 1, nested(100_000)),
    "no keys at all": lambda: header(0, 0),
    "no layers": lambda: put("<I", 0, value_of("llama.block_count")),
    "four billion layers": lambda: put("<I", 2**32 - 1, value_of("llama.block_count")),
    "no heads": lambda: put("<I", 0, value_of("llama.attention.head_count")),
    "no width": lambda: put("<I", 0, value_of("llama.embedding_length")),
    "another width": lambda: put("<I", 255, value_of("llama.embedding_length")),
    "more heads for keys": lambda: put("<I", 7, value_of("llama.attention.head_count_kv")),
    "an odd rope": lambda: put("<I", 63, value_of("llama.rope.dimension_count")),
    "a rope that is too wide": lambda: put("<I", 2**31, value_of("llama.rope.dimension_count")),
    "an end beyond the vocabulary": lambda: put("<I", 2**31 - 1, value_of("tokenizer.ggml.eos_token_id")),
    "a beginning beyond the vocabulary": lambda: put("<I", 2**31 - 1, value_of("tokenizer.ggml.bos_token_id")),
    "a vocabulary of another size": lambda: put("<I", 2**31 - 1, value_of("llama.vocab_size")),
    "a tensor of no known kind": lambda: put("<I", 250, tensor(EMBEDDING) + 4 + 16),
    "a tensor of a kind that was given up": lambda: put("<I", 4, tensor(EMBEDDING) + 4 + 16),
    "a tensor of another kind": lambda: put("<I", 0, tensor(EMBEDDING) + 4 + 16),
    "a tensor with no dimension": lambda: put("<I", 0, tensor(EMBEDDING)),
    "a tensor with many dimensions": lambda: put("<I", 2**32 - 1, tensor(EMBEDDING)),
    "a tensor that is very long": lambda: put("<Q", 2**62, tensor(EMBEDDING) + 4),
    "a tensor of negative length": lambda: put("<q", -256, tensor(EMBEDDING) + 4),
    "a tensor of no length": lambda: put("<Q", 0, tensor(EMBEDDING) + 4),
    "a tensor beyond the file": lambda: put("<Q", 2**40, tensor(EMBEDDING) + 4 + 16 + 4),
    "a tensor that lies askew": lambda: put("<Q", 3, tensor(EMBEDDING) + 4 + 16 + 4),
    "a tensor on top of another": lambda: put("<Q", 0, tensor("output_norm.weight") + 4 + 8 + 4),
    "a tensor before the file": lambda: put("<q", -32, tensor(EMBEDDING) + 4 + 16 + 4),
}
"""Makers of invalid files, each wrong in another way."""

HARMLESS: Final = ("a vocabulary of another size", "an end beyond the vocabulary", "a beginning beyond the vocabulary")
"""Files that llama.cpp may accept."""
