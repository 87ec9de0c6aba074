"""Who wants to hear of changes (PROTOCOL 14.5)."""

from __future__ import annotations

from collections.abc import Callable

from protocol.messages import Conversation

Tell = Callable[[Conversation], None]
"""Called on the event loop; must return quickly."""


class Changes:
    """Owns the listeners of each principal, on the event loop."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[Tell, None]] = {}

    def listen(self, principal: str, tell: Tell) -> None:
        """Have ``tell`` called with every change of the principal's conversations. A second time changes nothing."""
        self._listeners.setdefault(principal, {})[tell] = None

    def leave(self, principal: str, tell: Tell) -> None:
        """The opposite, whether or not it listened."""
        listeners = self._listeners.get(principal, {})
        listeners.pop(tell, None)
        if not listeners:
            self._listeners.pop(principal, None)

    def publish(self, principal: str, change: Conversation) -> None:
        for tell in tuple(self._listeners.get(principal, ())):
            tell(change)
