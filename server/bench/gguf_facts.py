"""The few facts of a GGUF file that the load depends on, read from its header without any package."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from server.bench.errors import BenchError

_NUMBERS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9

_END_KEYS = tuple(f"tokenizer.ggml.{name}_token_id" for name in ("eos", "eot", "eom"))

_END_TEXTS = frozenset(
    "<|eot_id|> <|im_end|> <|end|> <|return|> <|call|> <|flush|> <|calls|> <end_of_turn> <|endoftext|> <|end_of_text|> "
    "<|eom_id|> <EOT> _<EOT> </s> <|end_of_sentence|> <turn|> <fim_pad> <fim_repo> <fim_suffix> <|fim_pad|> "
    "<|repo_name|> <|file_sep|> <PAD> <REPO> [EOT] [EOS]".split()
)
"""What llama.cpp takes for the end of an answer too, wherever a vocabulary has it."""


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """``context``: how many tokens the model was trained for, None if unknown. ``ends``: what would end an answer."""

    name: str
    context: int | None
    ends: tuple[int, ...]


def read_facts(path: Path) -> GgufFacts:
    """Raises BenchError for what is no GGUF file."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise BenchError(f"{path}: this is not a GGUF file (it doesn't begin with the letters GGUF)")
            values = dict(_entries(file))
    except FileNotFoundError:
        raise BenchError(f"{path}: there is no such model file") from None
    except OSError as error:
        raise BenchError(f"{path}: the model file can't be read: {error.strerror}") from None
    except (struct.error, KeyError, MemoryError, OverflowError):
        raise BenchError(f"{path}: the header of the model file is broken") from None
    context = values.get(f"{values.get('general.architecture')}.context_length")
    return GgufFacts(values.get("general.name") or path.stem, context, _ends(values))


def _ends(values: dict[str, Any]) -> tuple[int, ...]:
    named = {values[key] for key in _END_KEYS if key in values}
    texts = values.get("tokenizer.ggml.tokens", ())
    return tuple(sorted(named | {token for token, text in enumerate(texts) if text in _END_TEXTS}))


def _entries(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Every key with its value (the GGUF specification, version 2 and 3)."""
    _, _, count = _unpack(file, "<I"), _unpack(file, "<Q"), _unpack(file, "<Q")
    for _ in range(count):
        key = _string(file)
        yield key, _value(file, _unpack(file, "<I"))


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        inner, length = _unpack(file, "<I"), _unpack(file, "<Q")
        if inner in _NUMBERS:
            file.seek(length * struct.calcsize(_NUMBERS[inner]), 1)  # scores and kinds of tokens: not needed
            return None
        return [_value(file, inner) for _ in range(length)]
    return _unpack(file, _NUMBERS[kind])


def _string(file: BinaryIO) -> str:
    length = _unpack(file, "<Q")
    data = file.read(length)
    if len(data) != length:
        raise struct.error("the file ends")
    return data.decode("utf-8", "replace")


def _unpack(file: BinaryIO, format: str) -> Any:
    return struct.unpack(format, file.read(struct.calcsize(format)))[0]
