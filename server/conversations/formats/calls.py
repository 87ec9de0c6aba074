"""Calls of functions in files of other programs, and their results. Pure.

Some programs keep the calls of an answer and their results inside one message. Such a message becomes several here:
the text up to the calls, their results, and the text after them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from msgspec import structs

from protocol.messages import CalledFunction, ToolCall
from server.chat.tools.history import call_text
from server.conversations.formats.draft import DraftMessage

MAX_CALL_ID: Final = 256
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(slots=True)
class Step:
    """A part of an answer: its text with its thinking, then its calls, and the results of these by the call's id."""

    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)


def call(id: Any, name: Any, arguments: Any) -> ToolCall | None:
    """Return a call; None if it has no id or no valid name. ``arguments``: JSON text, or its value."""
    if not isinstance(id, str) or not 0 < len(id) <= MAX_CALL_ID:
        return None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    return ToolCall(id=id, function=CalledFunction(name=name, arguments=as_text(arguments) or "{}"))


def listed(entries: Any) -> tuple[ToolCall, ...]:
    """Return the calls of a list in the form of OpenAI's API."""
    found = []
    for entry in entries if isinstance(entries, list) else ():
        function = entry.get("function") if isinstance(entry, dict) else None
        if isinstance(function, dict):
            found.append(call(entry.get("id"), function.get("name"), function.get("arguments")))
    return tuple(filter(None, found))


def with_calls(message: DraftMessage, calls: Sequence[ToolCall]) -> DraftMessage:
    """Return an answer with calls. Its text then has them too, as that of an answer written here."""
    if not calls:
        return message
    texts = (f"<tool_call>\n{call_text(structs.asdict(one.function))}\n</tool_call>" for one in calls)
    about = structs.replace(message.about, tool_calls=tuple(calls))
    return replace(message, content="\n".join(filter(None, (message.content, *texts))), about=about)


def as_text(value: Any) -> str:
    """Return ``value`` as text: a text as it is, None as an empty text, and anything else as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def expanded(messages: Iterable[DraftMessage], steps: Mapping[str, Sequence[Step]]) -> Iterator[DraftMessage]:
    """Yield the messages, those with ``steps`` by their id as several. The last of these keeps the id."""
    for message in messages:
        chain = list(_chain(message, steps.get(message.id, ())))
        above = message.parent
        for number, part in enumerate(chain, start=1):
            id = message.id if number == len(chain) else f"{message.id}-{number}"
            yield replace(part, id=id, parent=above)
            above = id


def _chain(message: DraftMessage, steps: Sequence[Step]) -> Iterator[DraftMessage]:
    if not any(step.calls for step in steps):
        yield message
        return
    for step in steps:
        calls = [one for one in step.calls if one.id in step.results or step is steps[-1]]
        if step.text.strip() or calls:
            yield with_calls(replace(message, content=step.text), calls)
        for one in calls:
            if one.id in step.results:
                about = structs.replace(message.about, tool_call_id=one.id)
                yield replace(message, role="tool", content=step.results[one.id], about=about)
