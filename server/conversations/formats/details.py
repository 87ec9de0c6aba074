"""Thinking and calls in Open WebUI's answers: HTML elements, or a list of output items. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from server.conversations.formats import calls
from server.conversations.formats.turn_pieces import paragraphs, with_thought

_ATTRIBUTES: Final = r"""(?:[^>"']|"[^"]*"|'[^']*')*"""
_DETAILS: Final = re.compile(
    rf"""<details\b(?={_ATTRIBUTES}\btype=["']?(?P<type>\w+))(?P<attributes>{_ATTRIBUTES})>(?P<body>.*?)(?:</details>|\Z)""",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"""(\w+)="([^"]*)\"""")
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


def steps(content: str) -> list[calls.Step]:
    """Return the steps of an answer with elements of calls; none if it has no valid call."""
    found, at = [calls.Step()], 0
    for element in _DETAILS.finditer(content):
        if element["type"] != "tool_calls":
            continue
        _add_text(found, content[at : element.start()])
        at = element.end()
        given = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(element["attributes"])}
        if one := calls.call(given.get("id"), given.get("name"), _unquoted(given.get("arguments", ""))):
            found[-1].calls.append(one)
            if "result" in given:
                found[-1].results[one.id] = _unquoted(given["result"])
    if not any(step.calls for step in found):
        return []
    _add_text(found, content[at:])
    return found


def output_steps(output: Iterable[Any]) -> list[calls.Step]:
    """Return the steps of an answer's output items; none if they have no valid call."""
    found, thought = [calls.Step()], ""
    for item in (item for item in output if isinstance(item, dict)):
        match item.get("type"):
            case "reasoning":
                thought = _texts(item, "content") or _texts(item, "summary")
            case "message":
                _add(found, with_thought(thought, _texts(item, "content")))
                thought = ""
            case "function_call":
                if one := calls.call(item.get("call_id"), item.get("name"), item.get("arguments")):
                    _add(found, with_thought(thought, ""))
                    thought = ""
                    found[-1].calls.append(one)
            case "function_call_output":
                given = item.get("output")
                text = _texts(item, "output") if isinstance(given, list) else calls.as_text(given)
                found[-1].results[str(item.get("call_id"))] = text
    return found if any(step.calls for step in found) else []


def _add_text(found: list[calls.Step], text: str) -> None:
    thought, rest = split(text)
    _add(found, with_thought(thought, rest.strip()))


def _add(found: list[calls.Step], text: str) -> None:
    """Add a text to the last step, or begin the next one after calls."""
    if text.strip() == "":
        return
    if found[-1].calls:
        found.append(calls.Step())
    found[-1].text = paragraphs((found[-1].text, text))


def _unquoted(value: str) -> str:
    """Return a text that was written as a JSON string; any other unchanged."""
    try:
        read = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value
    return read if isinstance(read, str) else value


def _plain(body: str) -> str:
    """Return the element's text without its summary, quote marks and HTML escapes."""
    text = html.unescape(_SUMMARY.sub("", body, count=1)).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    return _QUOTED.sub("", text) if all(line.startswith(">") for line in lines) else text


def _texts(item: dict[str, Any], name: str) -> str:
    parts = item.get(name)
    found = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return paragraphs(text for text in found if isinstance(text, str))
