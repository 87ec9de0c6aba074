"""Chat files in a zip file, one by one, with limits on unpacking. Pure.

Names in the zip file are only labels; nothing is written to disk.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from protocol.errors import ErrorCode, RemoteProtocolError

BEGINNING: Final = b"PK\x03\x04"
_EMPTY: Final = b"PK\x05\x06"
_ENTRY: Final = b"PK\x01\x02"

MOST_ENTRIES: Final = 20_000
"""Maximum number of files in a zip file. One with more is rejected before its list is read, which takes 0.5 KiB
each."""

MOST_UNPACKED: Final = 256 << 20
"""Maximum total size of the unpacked chat files, in bytes."""

_CHATS: Final = re.compile(r"\.(json|jsonl|ndjson|md|markdown)$", re.I)
_MAIN: Final = re.compile(r"conversations[^/]*\.json", re.I)
_OFFICE: Final = ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF")


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file: its name without folders, and its bytes, or the reason why it can't be read."""

    name: str
    body: bytes = b""
    problem: str | None = None


def is_zip(body: bytes) -> bool:
    return body.startswith((BEGINNING, _EMPTY))


def entries(body: bytes) -> Iterator[ArchiveFile]:
    """Yield the files that may contain chats. Raises RemoteProtocolError when there is none or the zip file is
    broken."""
    if body.count(_ENTRY) > MOST_ENTRIES:
        raise _refused(f"this zip file has more than {MOST_ENTRIES} files in it; take out the one with the chats")
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as problem:
        raise _refused("this zip file is broken or incomplete") from problem
    chosen = _chosen(archive.infolist())
    if not chosen:
        raise _refused(_why_none(archive.namelist()))
    left = MOST_UNPACKED
    for info in chosen:
        entry = _read(archive, info, left)
        left -= len(entry.body)
        yield entry


def _chosen(infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Choose the files: of a complete export of ChatGPT or Claude only its conversations, else all possible chat
    files."""
    files = [
        info
        for info in infos
        if not info.is_dir()
        and "__MACOSX" not in info.filename
        and not _name(info).startswith(".")
        and _CHATS.search(info.filename)
    ]
    return [info for info in files if _MAIN.fullmatch(_name(info))] or files


def _why_none(names: list[str]) -> str:
    if any(name in _OFFICE for name in names):
        return "this is a document or a program, not a chat export"
    if any(name.lower().endswith(".zip") for name in names):
        return "this zip file has no chats in it, but other zip files; unpack it first"
    return "this zip file has no chats in it: no file whose name ends in .json, .jsonl or .md"


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> ArchiveFile:
    name = _name(info)
    if info.flag_bits & 1:
        return ArchiveFile(name, problem="it is encrypted")
    try:
        with archive.open(info) as file:
            body = file.read(left + 1)  # the declared size is not trusted
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError):
        return ArchiveFile(name, problem="it is broken")
    if len(body) > left:
        return ArchiveFile(name, problem=f"the files of this zip file unpack to more than {MOST_UNPACKED >> 20} MiB")
    return ArchiveFile(name, body)


def _name(info: zipfile.ZipInfo) -> str:
    return info.filename.replace("\\", "/").rpartition("/")[2]


def _refused(text: str) -> RemoteProtocolError:
    return RemoteProtocolError(ErrorCode.UNSUPPORTED, text)
