"""Reader for the keys of a GGUF file's header, without any package (GGUF specification, versions 2 and 3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

MAGIC: Final = b"GGUF"

BROKEN: Final = (struct.error, KeyError, MemoryError, OverflowError, RecursionError)
"""Exceptions raised when the header of a broken file is read."""

_NUMBERS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9


def entries(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, starting after the magic. An array of numbers is None. Raises the exceptions
    in BROKEN."""
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
            file.seek(length * struct.calcsize(_NUMBERS[inner]), 1)  # scores and kinds of tokens, which are not needed
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
