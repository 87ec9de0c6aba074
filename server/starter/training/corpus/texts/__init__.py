"""Reader for the text tables in this folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
MARKS = {"=": "singular", "&": "plural", "?": "asks", ">": "answers", "+": "more", ".": "brief"}


@dataclass(frozen=True)
class Topic:
    """One subject: its names, the questions about it, and the answers."""

    name: str
    singular: tuple[str, ...]
    plural: tuple[str, ...]
    asks: tuple[str, ...]
    answers: tuple[str, ...]
    more: tuple[str, ...]
    brief: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A titled piece of text: code, a table, a list or a poem."""

    keys: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def body(self) -> str:
        return "\n".join(self.lines)


def read_lines(name: str) -> list[str]:
    """Read the lines of a table without its first line, the heading."""
    return (FOLDER / name).read_text(encoding="utf-8").splitlines()[1:]


@cache
def lines(name: str) -> tuple[str, ...]:
    """Read the non-empty lines, for tables with one entry per line."""
    return tuple(line for line in read_lines(name) if line)


@cache
def topics(name: str) -> tuple[Topic, ...]:
    """Read the topics of one table, in order."""
    found: list[tuple[str, dict[str, list[str]]]] = []
    for line in lines(name):
        if line.startswith("["):
            found.append((line.strip("[]"), {field: [] for field in MARKS.values()}))
            continue
        mark, text = line[0], line[2:]
        parts = [part.strip() for part in text.split(";")] if mark in "=&" else [text]
        found[-1][1][MARKS[mark]].extend(parts)
    return tuple(Topic(key, **{field: tuple(texts) for field, texts in marks.items()}) for key, marks in found)


@cache
def blocks(name: str) -> tuple[Block, ...]:
    """Read the blocks of one table; each begins with `@@` and its keys."""
    found: list[tuple[tuple[str, ...], list[str]]] = []
    for line in read_lines(name):
        if line.startswith("@@ "):
            found.append((tuple(key.strip() for key in line[3:].split(";")), []))
        else:
            found[-1][1].append(line)
    return tuple(Block(keys, tuple(body)) for keys, body in found)


@cache
def languages() -> dict[str, tuple[str, ...]]:
    """Return, by language name: hello, thank you, goodbye, good night, and a sentence."""
    loaded: dict[str, list[str]] = json.loads((FOLDER / "languages.json").read_text(encoding="utf-8"))
    return {name: tuple(phrases) for name, phrases in loaded.items()}
