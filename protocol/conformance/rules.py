"""The sections of PROTOCOL.md and their MUSTs, each under a key that cases cite.

``6.8`` is a section, ``6.8/1`` its first MUST (MUST NOT counts too; a sentence with two of them has two keys).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).parent.parent / "PROTOCOL.md"

_SECTION: Final = re.compile(r"^(?:#{2,3} )?(?P<number>\d+(?:\.\d+)?)(?P<dot>\.?) ")
_BLOCK: Final = re.compile(r"^(?:\||- |    |#)")
_SENTENCE_END: Final = re.compile(r"(?<=[.:!?)|])\s+(?=[`*A-Z(\"|])")
_MUST: Final = re.compile(r"\bMUST\b")


@dataclass(frozen=True)
class Must:
    """One MUST: its key and its sentence, with white space normalized."""

    key: str
    sentence: str


def sections(document: str) -> dict[str, str]:
    """Return the text of each numbered section and paragraph in order, without its subsections."""
    found: dict[str, list[str]] = {}
    number, blank = None, True
    for line in document.splitlines():
        head = _SECTION.match(line) if blank else None
        blank = not line.strip()
        if head and not head["dot"] and (line.startswith("#") or "." in head["number"]):
            number = head["number"]
            line = line[head.end() :]
        if number is not None:
            found.setdefault(number, []).append(line)
    return {number: "\n".join(lines) for number, lines in found.items()}


def musts(document: str) -> list[Must]:
    """Return every MUST in document order. Text before the first section is skipped: it only defines the words."""
    found: list[Must] = []
    for number, text in sections(document).items():
        sentences = [s for s in _sentences(text) for _ in _MUST.findall(s)]
        found.extend(Must(f"{number}/{n}", sentence) for n, sentence in enumerate(sentences, 1))
    return found


def _sentences(text: str) -> list[str]:
    blocks: list[str] = []
    for line in text.splitlines():
        if not line.strip() or _BLOCK.match(line) or not blocks:
            blocks.append("")
        blocks[-1] = f"{blocks[-1]} {line.strip()}"
    return [" ".join(s.split()) for block in blocks for s in _SENTENCE_END.split(block.strip())]
