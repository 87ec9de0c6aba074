"""Source files of the page: their list, a digest of all of them, and the imports of the entry files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import server

FRONTEND: Final = Path(server.__file__).parents[1] / "frontend"
"""Folder beside the server's package, in a checkout and in an installed wheel."""

SCRIPT: Final = "app.js"
STYLE: Final = "page.css"
"""Entry files of the page: they import all other files that the page needs to start."""

EMBED_SCRIPT: Final = "stream-ui.js"
EMBED_STYLE: Final = "embed.css"
"""Entry files of StreamUI in a foreign page."""

DIGEST_LENGTH: Final = 12
"""Number of hexadecimal digits of a digest in an address."""

KINDS: Final = frozenset({".js", ".css", ".svg", ".png", ".webmanifest"})

_IMPORT: Final = re.compile(r"""^(?:@import|import|export|})[^"'(\n]*["'](\.[^"'\n]+)["']""", re.M)

Stamps = tuple[tuple[str, int, int], ...]
"""Path, time of the last change and size of each source file."""


def stamps(folder: Path = FRONTEND) -> Stamps:
    """Stamp every source file below ``folder``. Equal stamps mean that no file has changed."""
    return tuple(sorted(_stamps(folder, "")))


def _stamps(folder: Path, prefix: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _stamps(Path(entry.path), f"{prefix}{entry.name}/")
            elif os.path.splitext(entry.name)[1] in KINDS and not entry.name.startswith("."):
                stat = entry.stat()
                yield f"{prefix}{entry.name}", stat.st_mtime_ns, stat.st_size


def digest(folder: Path = FRONTEND) -> str:
    """Digest the names and contents of all source files below ``folder``."""
    return digest_of((path, (folder / path).read_bytes()) for path, _, _ in stamps(folder))


def digest_of(files: Iterable[tuple[str, bytes]]) -> str:
    """Digest the names and contents of ``files``."""
    total = hashlib.sha256()
    for path, content in files:
        total.update(f"{path} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()[:DIGEST_LENGTH]


def imported(entry: str, folder: Path = FRONTEND) -> tuple[str, ...]:
    """List the files that ``entry`` imports, and those that these import, without ``entry``. Each once, in order."""
    found = {entry: None}
    _follow(entry, folder, found)
    return tuple(found)[1:]


def _follow(path: str, folder: Path, found: dict[str, None]) -> None:
    for target in _IMPORT.findall((folder / path).read_text(encoding="utf-8")):
        target = os.path.normpath(os.path.join(os.path.dirname(path), target))
        if target not in found and (folder / target).is_file():
            found[target] = None
            _follow(target, folder, found)
