"""Subscriptions to changes of the models (PROTOCOL 5.12)."""

from __future__ import annotations

from collections.abc import Callable

ModelsListener = Callable[[], None]
"""Called on the event loop after each change. Must return quickly."""


class ModelChanges:
    """Owns the listeners, on the event loop."""

    def __init__(self) -> None:
        self._listeners: dict[ModelsListener, None] = {}

    def add(self, listener: ModelsListener) -> None:
        """Call ``listener`` after every change of a model. A second call does nothing."""
        self._listeners[listener] = None

    def remove(self, listener: ModelsListener) -> None:
        """Remove a listener; does nothing when it was not added."""
        self._listeners.pop(listener, None)

    def publish(self) -> None:
        for listener in tuple(self._listeners):
            listener()
