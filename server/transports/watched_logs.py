"""The logs of generations that one connection reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from protocol.messages import Done, ServerMessage
from server.generations.generation import Generation
from server.transports.reader import Reader


class WatchedLogs:
    """Owns the readers of one connection, on the event loop. ``on_news`` is called when a log has new events."""

    def __init__(self, on_news: Callable[[], None]) -> None:
        self._on_news = on_news
        self._readers: dict[str, Reader] = {}

    def __len__(self) -> int:
        return len(self._readers)

    @property
    def more(self) -> bool:
        """True if a log has unread events."""
        return any(reader.more for reader in self._readers.values())

    @property
    def behind(self) -> int:
        """Unread bytes of all logs, among those written since they are watched."""
        return sum(reader.behind for reader in self._readers.values())

    def watch(self, generation: Generation, after: int) -> None:
        """Read a log from the cursor ``after``, in place of an earlier one."""
        if generation.id not in self._readers:
            generation.watch(self._on_news)
        self._readers[generation.id] = Reader(generation, after)

    def unwatch(self, id: str) -> None:
        """Stop reading a log. An unknown id is ignored."""
        if reader := self._readers.pop(id, None):
            reader.generation.unwatch(self._on_news)

    def unwatch_all(self) -> None:
        for id in tuple(self._readers):
            self.unwatch(id)

    def read(self, room: int = sys.maxsize) -> Iterator[ServerMessage]:
        """Return new events of every log, up to ``room`` bytes of each. A log that has ended isn't watched any more."""
        for id, reader in tuple(self._readers.items()):
            for message in reader.read(room):
                yield message
                if isinstance(message, Done):
                    self.unwatch(id)
