"""Ways to write the same dialogue for templates that do not take every order of roles. No text is ever left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from server.chat.prompt import Message

GREETING: Final = "Hello."
"""What the user says in front of a dialogue that the assistant begins, where a template wants the user first."""

GAP: Final = "\n\n"
"""Between texts that are put into one message."""

Dialogue = Sequence[Message]


def without_empty_answers(dialogue: Dialogue) -> Dialogue:
    """Leave out answers without any text: they were stopped before their first token."""
    return [message for message in dialogue if message["role"] != "assistant" or _says_something(message)]


def with_neighbours_merged(dialogue: Dialogue) -> Dialogue:
    """Put messages of one role that follow each other into one."""
    return [_merged(list(group)) for _, group in groupby(dialogue, lambda message: str(message["role"]))]


def with_system_first(dialogue: Dialogue) -> Dialogue:
    """Put all system messages into one at the beginning."""
    return with_neighbours_merged(sorted(dialogue, key=lambda message: message["role"] != "system"))


def without_system(dialogue: Dialogue) -> Dialogue:
    """Put what system messages say into the user's message that follows, or into one of its own."""
    as_user = [{**message, "role": "user"} if message["role"] == "system" else message for message in dialogue]
    return with_neighbours_merged(as_user)


def begun_by_user(dialogue: Dialogue) -> Dialogue:
    """Let the user greet first."""
    at = next((place for place, message in enumerate(dialogue) if message["role"] != "system"), 0)
    if not dialogue or dialogue[at]["role"] != "assistant":
        return dialogue
    return [*dialogue[:at], {"role": "user", "content": GREETING}, *dialogue[at:]]


ADAPTATIONS: Final[tuple[tuple[str, Callable[[Dialogue], Dialogue]], ...]] = (
    ("messages of one role that follow each other are merged", with_neighbours_merged),
    ("system messages are merged into one at the beginning", with_system_first),
    ("system messages are merged into the user's", without_system),
)
"""What is said of it in the log, and the change; the gentlest first."""


def variants(dialogue: Dialogue) -> Iterator[tuple[str, Dialogue]]:
    """The dialogue as it is, then as each adaptation writes it; with what the log says of it."""
    seen: list[Dialogue] = []
    for first, begun in (("", dialogue), ("the user greets first", begun_by_user(dialogue))):
        for note, adapt in (("", list), *ADAPTATIONS):
            variant = list(adapt(begun))
            if variant not in seen:
                seen.append(variant)
                yield "; ".join(filter(None, (first, note))), variant


def with_parts(dialogue: Dialogue, roles: Collection[str]) -> Dialogue:
    """Give the content of ``roles`` as a list of one typed part, the form in which images may stand beside text."""
    return [
        {**message, "content": [{"type": "text", "text": message["content"]}]} if message["role"] in roles else message
        for message in dialogue
    ]


def _says_something(message: Message) -> bool:
    return any(isinstance(value, str) and value.strip() for key, value in message.items() if key != "role")


def _merged(messages: Sequence[Message]) -> Message:
    """One message with the texts of several, field by field."""
    if len(messages) == 1:
        return messages[0]
    fields: Iterable[str] = dict.fromkeys(key for message in messages for key in message)
    return {
        key: messages[0]["role"] if key == "role" else GAP.join(filter(None, (m.get(key) for m in messages)))
        for key in fields
    }
