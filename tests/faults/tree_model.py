"""Model of a conversation for the conversation machine: its messages, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from protocol.messages import Steered, Token
from server.generations.log import GenerationLog

FACTS: Final = ("id", "parent", "role", "content", "state", "generation")
"""Fields of a message that are compared."""


class AnswerPart(NamedTuple):
    """Text of an answer after an instruction, whose event has the number ``seq``; its first part has neither."""

    seq: int
    instruction: str
    text: str


def parts_of(log: GenerationLog) -> list[AnswerPart]:
    """Return the parts of an answer, from the events that a reader of its log gets."""
    parts = [AnswerPart(0, "", "")]
    for event in log.events(0):
        if isinstance(event, Steered):
            parts.append(AnswerPart(event.seq, event.content, ""))
        elif isinstance(event, Token):
            parts[-1] = parts[-1]._replace(text=parts[-1].text + event.text)
    return parts


def as_told(messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the compared facts of messages in the order of their start. Parts of steered answers come last, those of
    one message in their order: answers that end at the same time may be divided in any order."""
    facts = [{name: message[name] for name in FACTS} for message in messages]
    return sorted(facts, key=lambda each: str(each["parent"]) if "-" in each["id"] else "")


@dataclass(slots=True)
class Kept:
    """A message that a client wrote or the server accepted. ``deleted``: id of the message that it was deleted with."""

    id: str
    parent: str | None
    role: str
    content: str
    state: str = "done"
    generation: str | None = None
    deleted: str | None = None

    def facts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in FACTS}

    def in_prompt(self) -> str:
        """Return the message as ChatML has it. An answer without text is left out."""
        is_shown = self.role != "assistant" or self.content.strip()
        return f"<|im_start|>{self.role}\n{self.content}<|im_end|>\n" if is_shown else ""


@dataclass(slots=True)
class Tree:
    """One conversation. ``fault``: code that its settings cause for every answer."""

    id: str
    messages: dict[str, Kept] = field(default_factory=dict)
    leaf: str | None = None
    deleted: bool = False
    fault: str | None = None

    @property
    def used(self) -> bool:
        """Return whether anything was ever written in it. Before that, no other device sees it (PROTOCOL 14.4)."""
        return bool(self.messages)

    @property
    def there(self) -> dict[str, Kept]:
        return {id: message for id, message in self.messages.items() if message.deleted is None}

    def branch(self, leaf: str | None) -> list[Kept]:
        branch = []
        while leaf is not None:
            branch.append(self.messages[leaf])
            leaf = self.messages[leaf].parent
        return branch[::-1]

    def below(self, id: str) -> list[str]:
        """Return ``id`` and the existing messages below it."""
        found = [id]
        for message in self.there.values():
            if message.parent in found:
                found.append(message.id)
        return found

    def newest_under(self, id: str | None) -> str | None:
        while children := [message.id for message in self.there.values() if message.parent == id]:
            id = children[-1]
        return id

    def add(self, message: Kept) -> None:
        self.messages[message.id] = message

    def delete(self, id: str) -> list[Kept]:
        """Delete a message and all below it; return the deleted ones."""
        gone = [self.messages[one] for one in self.below(id)]
        for message in gone:
            message.deleted = id
        if self.leaf in [message.id for message in gone]:
            self.leaf = self.newest_under(self.messages[id].parent)
        return gone

    def can_restore(self, id: str) -> bool:
        parent = self.messages[id].parent
        return self.messages[id].deleted == id and (parent is None or self.messages[parent].deleted is None)

    def restore(self, id: str) -> None:
        for message in self.messages.values():
            if message.deleted == id:
                message.deleted = None
        self.leaf = self.newest_under(id)

    def end(self, message: Kept, parts: Sequence[AnswerPart], state: str) -> None:
        """Append the text of a generation to its message. The other parts of a steered answer come below it."""
        first, *others = parts
        is_shown = message.id in [each.id for each in self.branch(self.leaf)]
        message.content += first.text
        last = message
        for part in others:
            last.state = "done"
            name = f"{message.generation}-{part.seq}"
            self.add(Kept(name, last.id, "user", part.instruction, deleted=message.deleted))
            last = Kept(f"{name}-answer", name, "assistant", part.text, "", message.generation, message.deleted)
            self.add(last)
        last.state = state
        if is_shown and others:
            self.leaf = last.id

    def prompt(self, parent: str | None, content: str | None) -> str:
        """Return the prompt in ChatML of a message below ``parent``, or of another answer to it, or of its rest."""
        branch, rest = self.branch(parent), ""
        if content is not None:
            branch.append(Kept("", parent, "user", content))
        elif branch[-1].role == "assistant":
            rest = branch.pop().content
        written = rest if rest.strip() else ""
        return "".join(message.in_prompt() for message in branch) + f"<|im_start|>assistant\n{written}"

    def told(self) -> tuple[str | None, list[dict[str, Any]]]:
        """Return the leaf and the messages that the server should report."""
        return self.leaf, as_told(message.facts() for message in self.there.values())
