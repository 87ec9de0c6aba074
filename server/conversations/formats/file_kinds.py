"""Names of file types that contain no chats, for error messages. Pure."""

from __future__ import annotations

import re
from typing import Final

_BEGINNINGS: Final = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n\x1a\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"BM", "an image"),
    (b"II*\0", "an image"),
    (b"MM\0*", "an image"),
    (b"\0\0\1\0", "an image"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"\x1f\x8b", "a gzip file; unpack it first"),
    (b"BZh", "a bzip2 file; unpack it first"),
    (b"\xfd7zXZ\0", "an xz file; unpack it first"),
    (b"(\xb5/\xfd", "a zstd file; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"SQLite format 3\0", "an SQLite database; export the chats in the program that it belongs to"),
    (b"GGUF", "a model file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"PAR1", "a Parquet file"),
)
_WEB_PAGE: Final = re.compile(rb"\s*(?:<!--(?!\s*streamui:).*?-->\s*)*<(?:!doctype html|html|head|body)\b", re.I | re.S)
_XML: Final = re.compile(rb"\s*<(?:\?xml|svg)\b", re.I)


def kind_of(body: bytes) -> str | None:
    """Name the type of ``body``, with its article, from its first bytes; None for text and unknown types."""
    for beginning, kind in _BEGINNINGS:
        if body.startswith(beginning):
            return kind
    if body[4:8] == b"ftyp":
        return "a video or an image"
    if body.startswith(b"RIFF"):
        return {b"WEBP": "an image", b"WAVE": "a sound file"}.get(body[8:12], "a video")
    if body[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if _WEB_PAGE.match(body[:4096]):
        return "a web page; use the JSON file of the same export"
    if _XML.match(body[:4096]):
        return "an XML file"
    if not body.strip():
        return "an empty file"
    return None
