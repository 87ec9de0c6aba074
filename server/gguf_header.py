"""Reader for the keys of a GGUF file's header, without any package (GGUF specification, versions 2 and 3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

MAGIC: Final = b"GGUF"

LONGEST: Final = 256 << 20
"""Longest header that is read, in bytes; a vocabulary of 260,000 tokens takes about 16 MB. A longer one is broken."""

VOCABULARY: Final = "tokenizer."
"""Prefix of the keys of the vocabulary. The architecture's keys come before it."""

TOKENS: Final = "tokenizer.ggml.tokens"
"""Key of the list of tokens, usually the first list of the vocabulary."""

FEW: Final = 4096
"""Numbers in an array that is returned. A longer array holds scores or kinds of tokens, and is skipped."""

BROKEN: Final = (struct.error, KeyError, MemoryError, OverflowError, RecursionError)
"""Exceptions raised when the header of a broken file is read."""

_NUMBERS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9


def entries(file: BinaryIO, longest: int = LONGEST) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, starting after the magic. A long array of numbers is None.

    At most ``longest`` bytes are read. Raises the exceptions in BROKEN.
    """
    header = _Header(file, longest)
    _, _, count = header.number("<I"), header.number("<Q"), header.number("<Q")
    for _ in range(count):
        key = header.string()
        yield key, header.value(header.number("<I"))


def leading_entries(file: BinaryIO, longest: int = LONGEST) -> dict[str, Any]:
    """Return the entries before the long vocabulary, starting after the magic. Raises the exceptions in BROKEN.

    Of the vocabulary, there is only the number of tokens, as the value of TOKENS.
    """
    header = _Header(file, longest)
    _, _, count = header.number("<I"), header.number("<Q"), header.number("<Q")
    found: dict[str, Any] = {}
    for _ in range(count):
        key, kind = header.string(), header.number("<I")
        is_vocabulary = key.startswith(VOCABULARY)
        if is_vocabulary and kind == _ARRAY:
            header.number("<I")
            return found | ({TOKENS: header.number("<Q")} if key == TOKENS else {})
        value = header.value(kind)
        if not is_vocabulary:
            found[key] = value
    return found


class _Header:
    """Reader for the values of a header. It stops a file that lies about a length."""

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self._file = file
        self._left = longest

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self._array(self.number("<I"), self.number("<Q"))
        return self.number(_NUMBERS[kind])

    def string(self) -> str:
        return self._read(self.number("<Q")).decode("utf-8", "replace")

    def number(self, format: str) -> Any:
        return struct.unpack(format, self._read(struct.calcsize(format)))[0]

    def _array(self, inner: int, length: int) -> Any:
        if inner not in _NUMBERS:
            return [self.value(inner) for _ in range(length)]
        size = struct.calcsize(_NUMBERS[inner])
        if length > FEW:
            self._file.seek(length * size, 1)
            return None
        return tuple(self.number(_NUMBERS[inner]) for _ in range(length))

    def _read(self, length: int) -> bytes:
        self._left -= length
        if self._left < 0:
            raise struct.error("the header is too long")
        data = self._file.read(length)
        if len(data) != length:
            raise struct.error("the file ends")
        return data
