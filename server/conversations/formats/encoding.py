"""Conversion of a file to UTF-8 without a byte order mark, whichever program wrote it. Pure."""

from __future__ import annotations

import codecs
from typing import Final

from protocol.errors import ErrorCode, RemoteProtocolError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's mark, which is a prefix of it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def as_utf8(body: bytes) -> bytes:
    """Convert ``body`` to UTF-8 without a byte order mark. Raises RemoteProtocolError when it contradicts its mark.

    Without a mark it is returned unchanged: the JSON reader reports where it is not UTF-8.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return _encoded(body[len(mark) :], encoding)
    if body[1:2] == b"\0" and body[:1] in (b"[", b"{", b"<"):
        return _encoded(body, "utf-16-le")
    if body[:1] == b"\0" and body[1:2] in (b"[", b"{", b"<"):
        return _encoded(body, "utf-16-be")
    return body


def _encoded(body: bytes, encoding: str) -> bytes:
    if encoding == "utf-8":
        return body
    try:
        return body.decode(encoding, "surrogatepass").encode("utf-8", "replace")
    except UnicodeDecodeError as problem:
        raise RemoteProtocolError(
            ErrorCode.BAD_JSON, f"this is not valid {encoding} text, although it begins like it"
        ) from problem
