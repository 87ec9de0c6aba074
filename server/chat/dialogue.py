"""Rewrites of a dialogue for templates that reject some orders of roles. No text is ever dropped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from server.chat.prompt import Message

GREETING: Final = "Hello."
"""User message put before a dialogue that the assistant begins, when a template requires the user first."""

GAP: Final = "\n\n"
"""Separator of texts that are merged into one message."""

Dialogue = Sequence[Message]


def without_empty_answers(dialogue: Dialogue) -> Dialogue:
    """Drop answers without any text: they were stopped before their first token."""
    return [message for message in dialogue if message["role"] != "assistant" or _says_something(message)]


def with_neighbours_merged(dialogue: Dialogue) -> Dialogue:
    """Merge consecutive messages of one role. Calls and their results stay apart."""
    return [_merged(list(group)) for _, group in groupby(dialogue, _kind)]


def _kind(message: Message) -> object:
    """Return what consecutive messages that are merged have in common."""
    return id(message) if message["role"] == "tool" or message.get("tool_calls") else str(message["role"])


def with_single_calls(dialogue: Dialogue) -> Dialogue:
    """Give each call a message of its own, with its result after it."""
    return list(_single(dialogue))


def _single(dialogue: Dialogue) -> Iterator[Message]:
    results = {message["tool_call_id"]: message for message in dialogue if message["role"] == "tool"}
    moved: set[str] = set()
    for message in dialogue:
        if message["role"] == "tool" and message["tool_call_id"] in moved:
            continue
        calls = message.get("tool_calls") or ()
        if not calls:
            yield message
        for place, call in enumerate(calls):
            yield {**message, "content": message["content"] if place == 0 else "", "tool_calls": [call]}
            if call["id"] in results:
                moved.add(call["id"])
                yield results[call["id"]]


def with_system_first(dialogue: Dialogue) -> Dialogue:
    """Merge all system messages into one at the beginning."""
    return with_neighbours_merged(sorted(dialogue, key=lambda message: message["role"] != "system"))


def without_system(dialogue: Dialogue) -> Dialogue:
    """Move the text of system messages into the user's next message, or into a user message of its own."""
    as_user = [{**message, "role": "user"} if message["role"] == "system" else message for message in dialogue]
    return with_neighbours_merged(as_user)


def begun_by_user(dialogue: Dialogue) -> Dialogue:
    """Put a greeting of the user before a dialogue that the assistant begins."""
    at = next((place for place, message in enumerate(dialogue) if message["role"] != "system"), 0)
    if not dialogue or dialogue[at]["role"] != "assistant":
        return dialogue
    return [*dialogue[:at], {"role": "user", "content": GREETING}, *dialogue[at:]]


ADAPTATIONS: Final[tuple[tuple[str, Callable[[Dialogue], Dialogue]], ...]] = (
    ("messages of one role that follow each other are merged", with_neighbours_merged),
    ("system messages are merged into one at the beginning", with_system_first),
    ("system messages are merged into the user's", without_system),
)
"""Rewrites with their text for the log, from the smallest change to the largest."""


def variants(dialogue: Dialogue) -> Iterator[tuple[str, Dialogue]]:
    """Yield the original dialogue, then each rewritten one, with a text for the log."""
    seen: list[Dialogue] = []
    for first, begun in (("", dialogue), ("the user greets first", begun_by_user(dialogue))):
        for note, adapt in (("", list), *ADAPTATIONS):
            variant = list(adapt(begun))
            if variant not in seen:
                seen.append(variant)
                yield "; ".join(filter(None, (first, note))), variant


def with_parts(dialogue: Dialogue, roles: Collection[str]) -> Dialogue:
    """Turn the content of ``roles`` into a list of one typed part, the format for text beside images."""
    return [
        {**message, "content": [{"type": "text", "text": message["content"]}]} if message["role"] in roles else message
        for message in dialogue
    ]


def _says_something(message: Message) -> bool:
    texts = (value for name, value in message.items() if name not in ("role", "tool_calls"))
    return bool(message.get("tool_calls")) or any(isinstance(text, str) and text.strip() for text in texts)


def _merged(messages: Sequence[Message]) -> Message:
    """Merge messages into one, field by field."""
    if len(messages) == 1:
        return messages[0]
    fields: Iterable[str] = dict.fromkeys(key for message in messages for key in message)
    return {
        key: messages[0]["role"] if key == "role" else GAP.join(filter(None, (m.get(key) for m in messages)))
        for key in fields
    }
