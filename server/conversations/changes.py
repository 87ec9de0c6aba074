"""Subscriptions to changes of conversations (PROTOCOL 14.5)."""

from __future__ import annotations

from collections.abc import Callable

from protocol.messages import Conversation

ChangeListener = Callable[[Conversation], None]
"""Called on the event loop with each change. Must return quickly."""


class Changes:
    """Owns each principal's listeners, on the event loop."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[ChangeListener, None]] = {}

    def add(self, principal: str, listener: ChangeListener) -> None:
        """Call ``listener`` with every change of the principal's conversations. A second call does nothing."""
        self._listeners.setdefault(principal, {})[listener] = None

    def remove(self, principal: str, listener: ChangeListener) -> None:
        """Remove a listener; does nothing when it was not added."""
        listeners = self._listeners.get(principal, {})
        listeners.pop(listener, None)
        if not listeners:
            self._listeners.pop(principal, None)

    def publish(self, principal: str, change: Conversation) -> None:
        for listener in tuple(self._listeners.get(principal, ())):
            listener(change)
