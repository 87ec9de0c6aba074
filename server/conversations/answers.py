"""Answers in conversations that are being written: each is stored when its generation ends."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from protocol.errors import RemoteProtocolError
from protocol.messages import Done
from server.conversations import turn_end
from server.conversations.changes import Changes
from server.conversations.reading import Writing
from server.conversations.store import Store, now
from server.conversations.values import Summary, event
from server.generations.generation import Generation
from server.generations.log import Part
from server.generations.registry import Registry
from server.generations.timers import Timers

RETRY_SECONDS: Final = 5.0
"""Delay before a failed write of an answer is retried, in seconds."""

NO_TEXT: Final = Part(0, None, "", ())
"""Text of a generation that was lost."""

logger = logging.getLogger(__name__)


class Answers:
    """Owns the open generations of conversations, on the event loop; the store owns the contents."""

    def __init__(self, store: Store, registry: Registry, changes: Changes) -> None:
        self._store = store
        self._registry = registry
        self._changes = changes
        self._writing: dict[tuple[str, str], Writing] = {}
        """Open generations, by principal and id."""
        self._retries = Timers()
        registry.on_ended = self._on_end

    def add(self, writing: Writing) -> None:
        """Store the answer of this generation when it ends."""
        self._writing[writing.principal, writing.generation] = writing

    def restore(self, writing: Writing) -> None:
        """Handle a generation of an earlier server: it is running, has ended, or no longer exists."""
        generation = self._registry.find(writing.generation, writing.principal)
        if generation is None or generation.body.conversation != writing.conversation:
            self._write_end(writing, (NO_TEXT,), None, None)
            return
        self.add(writing)
        if generation.log.done:
            self._on_end(generation)

    def close(self) -> None:
        """Stop retrying failed writes."""
        self._retries.close()

    def _on_end(self, generation: Generation) -> None:
        if writing := self._writing.get((generation.principal, generation.id)):
            log = generation.log
            self._write_end(writing, log.parts(), log.done, generation.model or None)

    def _write_end(
        self,
        writing: Writing,
        parts: tuple[Part, ...],
        done: Done | None,
        model: str | None,
    ) -> None:
        """Write the answer now, before any request of a client that has read the `done`; retry later when this
        fails."""
        future = self._store.submit(turn_end.end, writing, parts, done, model, now())

        def written(future: asyncio.Future[Summary | None]) -> None:
            if not future.cancelled() and isinstance(future.exception(), RemoteProtocolError):
                name = f"{writing.principal}/{writing.generation}"
                self._retries.set(name, RETRY_SECONDS, lambda _: self._write_end(writing, parts, done, model))
                return
            self._writing.pop((writing.principal, writing.generation), None)
            self._publish(writing.principal, future)

        future.add_done_callback(written)

    def _publish(self, principal: str, future: asyncio.Future[Summary | None]) -> None:
        if future.cancelled():
            return
        if error := future.exception():
            logger.error("an answer was not written: %s", error, exc_info=error)
        elif summary := future.result():
            self._changes.publish(principal, event(summary))
