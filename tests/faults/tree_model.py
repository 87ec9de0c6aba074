"""Model of a conversation for the conversation machine: its messages, and no others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

FACTS: Final = ("id", "parent", "role", "content", "state", "generation")
"""Fields of a message that are compared."""


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

    def told(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in FACTS}


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

    def told(self) -> tuple[str | None, list[dict[str, Any]]]:
        """Return the leaf and the messages that the server should report."""
        return self.leaf, [message.told() for message in self.there.values()]
