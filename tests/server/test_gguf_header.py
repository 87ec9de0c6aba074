"""A header that lies about a length is stopped, and costs no more memory than it may."""

import struct
from io import BytesIO
from typing import Any

import pytest

from server.gguf_header import BROKEN, FEW, entries, leading_entries
from tests.server.models.headers import header, string


def lying(kind: int, *more: int) -> bytes:
    return struct.pack("<IQQ", 3, 0, 1) + string("key") + struct.pack(f"<I{'IQ' if kind == 9 else 'Q'}", kind, *more)


LIES = {
    "a long text": lying(8, 2**62),
    "many texts": lying(9, 8, 2**62) + b"\0" * 200_000,
    "many numbers": lying(9, 4, 2**62),
    "numbers beyond the end": struct.pack("<IQQ", 3, 0, 2) + lying(9, 4, 10**9)[20:],
    "an unknown type": lying(9, 77, 3),
    "many lists": lying(9, 9, 2**62) + struct.pack("<IQ", 8, 0) * 20_000,
    "deep lists": lying(9, 9, 1) + struct.pack("<IQ", 9, 1) * 20_000,
    "many keys": struct.pack("<IQQ", 3, 0, 2**63) + (string("k") + struct.pack("<I?", 7, True)) * 10_000,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_a_length_is_a_broken_header(lie: str) -> None:
    with pytest.raises((*BROKEN, OSError)):
        dict(entries(BytesIO(LIES[lie]), longest=100_000))


def test_a_header_that_is_too_long_is_broken() -> None:
    whole = header(vocabulary=1000)[4:]
    assert len(dict(entries(BytesIO(whole), longest=len(whole)))["tokenizer.ggml.tokens"]) == 1000
    with pytest.raises(BROKEN):
        dict(entries(BytesIO(whole), longest=len(whole) - 20))


def test_the_vocabulary_is_not_read_for_what_comes_before() -> None:
    whole = header(vocabulary=1000)[4:]
    assert leading_entries(BytesIO(whole), longest=1000)["llama.block_count"] == 2


@pytest.mark.parametrize(("length", "expected"), [(3, (0, 0, 0)), (FEW + 1, None)])
def test_short_lists_of_numbers_are_read(length: int, expected: Any) -> None:
    data = struct.pack("<IQQ", 3, 0, 2) + string("list") + struct.pack("<IIQ", 9, 4, length) + b"\0" * 4 * length
    data += string("after") + struct.pack("<I?", 7, True)
    assert dict(entries(BytesIO(data))) == {"list": expected, "after": True}
