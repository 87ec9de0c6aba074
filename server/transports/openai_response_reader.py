"""Readers of responses: each folds a generation's log from its first piece, so that all get the same events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

from protocol.messages import Done, Steered, Tuned
from server.openai.response_answer import Event, ResponseAnswer
from server.openai.response_note import decoded_note
from server.transports.openai_stored import StoredResponse, is_waiting

BATCH: Final = 64
"""Maximum number of pieces whose events are sent in one write, so that a slow client receives it in time."""


class ResponseReader:
    """Owned by one task, which must call ``close``. Create it before the next await after the start of a generation
    that ends without readers.
    """

    def __init__(self, response: StoredResponse) -> None:
        self.answer = ResponseAnswer(response.generation.id, response.note)
        self._generation = response.generation
        self._cursor = 0
        self._news = asyncio.Event()
        self._generation.watch(self._news.set)

    def close(self) -> None:
        """Stop reading."""
        self._generation.unwatch(self._news.set)

    async def events(self) -> AsyncIterator[list[Event]]:
        """Yield the events as they come, up to the last one."""
        yield list(self.answer.opening())
        while not self.answer.ended:
            self._news.clear()
            if found := list(self._read()):
                yield found
            else:
                await self._news.wait()

    async def to_end(self) -> None:
        """Read until the response has ended."""
        async for _ in self.events():
            pass

    def _read(self) -> Iterator[Event]:
        if not is_waiting(self._generation):
            yield from self.answer.began()
        for _ in range(BATCH):
            if (event := self._generation.log.event(self._cursor + 1)) is None:
                return
            self._cursor = event.seq
            if isinstance(event, Steered | Tuned):
                continue
            if isinstance(event, Done) and (note := decoded_note(self._generation.note)):
                self.answer.steered = note.steered
            yield from self.answer.feed(event)
