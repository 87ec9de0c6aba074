"""Changes of conversations and models that a connection has not sent yet (PROTOCOL 5.11 and 5.12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protocol.messages import Conversation, Model
from server.conversations.service import Conversations
from server.generations.registry import Registry
from server.guard.connection_access import ConnectionAccess
from server.transports.model_news import ModelNews, greeted_models


class Changes:
    """Owns the changes that one connection has yet to send. ``wake`` is called when there are new ones."""

    def __init__(self, registry: Registry, conversations: Conversations, wake: Callable[[], None]) -> None:
        self._registry = registry
        self._conversations = conversations
        self._wake = wake
        self._changed: dict[str, Conversation] = {}
        """The newest change of each conversation."""
        self._models = ModelNews()
        self._models_changed = False

    def greeted(self, access: ConnectionAccess) -> None:
        """Record the models of the client's `welcome`."""
        self._models.greeted(greeted_models(self._registry, access))

    def watch(self, principal: str) -> None:
        """Collect all changes from now on, and those of models since `welcome`. A second call changes nothing."""
        self._conversations.changes.add(principal, self._on_change)
        self._registry.model_changes.add(self._on_models_changed)
        self._on_models_changed()

    def unwatch(self, principal: str) -> None:
        self._conversations.changes.remove(principal, self._on_change)
        self._registry.model_changes.remove(self._on_models_changed)

    def unsent(self) -> Iterator[Conversation | Model]:
        """Yield the messages to send, and count them as sent."""
        changed, self._changed = self._changed, {}
        yield from changed.values()
        if self._models_changed:
            self._models_changed = False
            yield from self._models.changes(self._registry.writer.models)

    def _on_change(self, change: Conversation) -> None:
        """Send a change of a conversation, in place of an older one that is not sent yet."""
        self._changed[change.id] = change
        self._wake()

    def _on_models_changed(self) -> None:
        self._models_changed = True
        self._wake()
