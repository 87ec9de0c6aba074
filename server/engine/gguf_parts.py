"""Parts of a split model: files such as ``name-00001-of-00003.gguf``, which llama.cpp loads as one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PART: Final = re.compile(r"(?P<name>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
"""File name of one part."""


def parts_of(path: Path) -> tuple[Path, ...]:
    """Return all existing parts of the model that ``path`` belongs to, in order; a whole model is its only part."""
    part = PART.fullmatch(path.name)
    if part is None:
        return (path,)
    try:
        files = sorted(path.parent.iterdir())
    except OSError:
        return (path,)
    return tuple(file for file in files if _is_sibling(file, part))


def _is_sibling(file: Path, part: re.Match[str]) -> bool:
    other = PART.fullmatch(file.name)
    return other is not None and (other["name"], other["count"]) == (part["name"], part["count"]) and file.is_file()
