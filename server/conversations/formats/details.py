"""Thinking in Open WebUI's answers: an HTML element with quoted text, or a list of output items. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any, Final

from server.conversations.formats.turn_pieces import paragraphs

_ATTRIBUTES: Final = r"""(?:[^>"']|"[^"]*"|'[^']*')*"""
_DETAILS: Final = re.compile(
    rf"""<details\b(?={_ATTRIBUTES}\btype=["']?(?P<type>\w+))(?P<attributes>{_ATTRIBUTES})>(?P<body>.*?)(?:</details>|\Z)""",
    re.DOTALL,
)
_SUMMARY: Final = re.compile(r"\s*<summary>.*?</summary>", re.DOTALL)
_QUOTED: Final = re.compile(r"^> ?", re.MULTILINE)


def split(content: str) -> tuple[str, str]:
    """Split an answer into thinking and the rest. An element without an end is thinking up to the end of the text."""
    thoughts: list[str] = []

    def kept(found: re.Match[str]) -> str:
        if found["type"] == "reasoning":
            thoughts.append(_plain(found["body"]))
            return ""
        if found["type"] == "code_interpreter":
            return _SUMMARY.sub("", found["body"], count=1)
        return "" if found["type"] == "tool_calls" else found[0]

    rest = _DETAILS.sub(kept, content)
    return paragraphs(thoughts), rest.strip() if rest != content else content


def from_output(output: Iterable[Any]) -> tuple[str, str]:
    """Return the thinking and the text of an answer's output items."""
    items = [item for item in output if isinstance(item, dict)]
    thoughts = (_texts(item, "content") or _texts(item, "summary") for item in items if item.get("type") == "reasoning")
    return paragraphs(thoughts), paragraphs(_texts(item, "content") for item in items if item.get("type") == "message")


def _plain(body: str) -> str:
    """Return the element's text without its summary, quote marks and HTML escapes."""
    text = html.unescape(_SUMMARY.sub("", body, count=1)).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    return _QUOTED.sub("", text) if all(line.startswith(">") for line in lines) else text


def _texts(item: dict[str, Any], name: str) -> str:
    parts = item.get(name)
    found = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return paragraphs(text for text in found if isinstance(text, str))
