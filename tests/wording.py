"""Check of the docstrings' wording: ``python -m tests.wording`` lists phrases that readers stumble over.

A first line is a noun phrase, or an imperative verb for a function. Name the subject ("the client", not a pronoun), and
use the field's words instead of private metaphors.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("server", "protocol", "examples", "tests")

PENDING: frozenset[str] = frozenset()
"""Files with old wording. Rewrite them and remove them here; never add one."""

OPENINGS = re.compile(
    r"(What|How|Whether|Who|Whose|Whom|Where|When|Which|Why|The opposite|The same|That of|Those|Of|From|Between)\b"
)
"""First words that leave the reader without a noun or a verb."""

PHRASES = re.compile(
    r"\b(whoever|somebody|nobody|gone on|go(es)? on|come to|stands? for|(is|are|be|was|were) told|tells? of"
    r"|taken for|a thing that|of its own accord|so long|mend(s|ed)?|doors?|to be had|is gone|have it back"
    r"|so many|as (it|they) stands?|takes? (its|their) time|of one mind|for ever|lets? go of|said of)\b",
    re.IGNORECASE,
)
"""Phrases that hide the subject or the action."""


def tics(docstring: str) -> list[str]:
    """Return the phrases of ``docstring`` that should be rewritten."""
    opening = OPENINGS.match(docstring.strip())
    return [*([opening[0]] if opening else []), *(found[0] for found in PHRASES.finditer(docstring))]


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each docstring, including those of attributes and constants."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def problems(paths: dict[str, str], pending: frozenset[str] = PENDING) -> list[str]:
    """Return a line for each docstring with a tic and each pending file without one. ``paths``: path to source."""
    found = {
        path: [f"{path}:{line}: {', '.join(each)}" for line, text in docstrings(source) if (each := tics(text))]
        for path, source in paths.items()
    }
    new = [line for path, lines in found.items() if path not in pending for line in lines]
    return new + [f"{path}: remove it from PENDING in tests/wording.py" for path in pending if not found.get(path)]


def main() -> int:
    """Print the problems. Returns the exit status."""
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    lines = problems({path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files})
    print("\n".join(lines) or "wording: no old phrases in docstrings")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
