"""Named timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timers:
    """At most one timer per name, on the event loop. Owned by the registry."""

    def __init__(self) -> None:
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._handles

    def __len__(self) -> int:
        return len(self._handles)

    def set(self, name: str, delay: float, action: Callable[[str], None]) -> None:
        """Call ``action`` with ``name`` in ``delay`` seconds; replaces an earlier timer of that name."""
        self.clear(name)
        self._handles[name] = asyncio.get_running_loop().call_later(delay, self._fire, name, action)

    def clear(self, name: str) -> None:
        handle = self._handles.pop(name, None)
        if handle:
            handle.cancel()

    def close(self) -> None:
        for name in tuple(self._handles):
            self.clear(name)

    def _fire(self, name: str, action: Callable[[str], None]) -> None:
        del self._handles[name]
        action(name)
