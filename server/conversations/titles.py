"""Title of a conversation, from its user's first message."""

from __future__ import annotations

import re
from typing import Final

LENGTH: Final = 60
UNTITLED: Final = ""
_LOOK: Final = 4096
_FILE: Final = re.compile(r'`{3,}[a-z0-9+#-]{1,12} file="([^"`]{1,100})"')
"""First line of a file in a message (docs/attachments.md)."""
_JOINERS: Final = "\u200c\u200d"


def title_of(content: str, length: int = LENGTH) -> str:
    """Return the first non-empty line, up to ``length`` characters, cut at a word if possible.

    A message that begins with a file has the file's name as its title.
    """
    lines = (_clean(line) for line in content[:_LOOK].splitlines())
    line = next((line for line in lines if line), UNTITLED)
    if file := _FILE.fullmatch(line):
        line = file[1]
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    at = cut.rfind(" ") if line[length - 1] != " " else len(cut)
    return (cut[:at] if at > length // 2 else cut).rstrip() + "…"


def _clean(line: str) -> str:
    """Remove invisible characters: control characters, and those that change the direction of text."""
    return " ".join("".join(c if c.isprintable() or c in _JOINERS else " " for c in line).split())
