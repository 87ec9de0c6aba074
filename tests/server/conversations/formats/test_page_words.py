"""The page's words for refused imports: it finds them by the beginning of the server's message."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from server.conversations.formats.recognise import NO_EXPORT

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "frontend/words/import-words.js").read_text(encoding="utf-8")


def _beginnings() -> list[str]:
    constants = dict(re.findall(r'^const (\w+) = "([^"]+)";', PAGE, re.M))
    rows = PAGE.partition("const PLAIN")[2].partition("]);")[0]
    found = re.findall(r'^  \[(?:"([^"]+)"|`\$\{(\w+)\}([^`]*)`|(\w+)),', rows, re.M)
    return [text or constants[name or constant] + rest for text, name, rest, constant in found]


def _messages() -> list[str]:
    """Return every text in the code of conversations, with a placeholder for values other than NO_EXPORT."""
    texts = []
    for path in (ROOT / "server/conversations").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                texts.append("".join(_part(part) for part in node.values))
    return texts


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    value = part.value if isinstance(part, ast.FormattedValue) else part
    return NO_EXPORT if isinstance(value, ast.Name) and value.id == "NO_EXPORT" else "\0"


BEGINNINGS = _beginnings()
MESSAGES = _messages()


def test_every_row_of_the_table_is_found() -> None:
    rows = PAGE.partition("const PLAIN")[2].partition("]);")[0].count("\n  [")
    assert len(BEGINNINGS) == rows > 10


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_the_page_knows_the_beginning_of_a_message_of_the_server(beginning: str) -> None:
    assert any(message.startswith(beginning) for message in MESSAGES)
