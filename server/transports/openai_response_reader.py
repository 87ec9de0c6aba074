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


KEEP_ALIVE_SECONDS: Final = 15.0
"""Interval of the checks whether there was an event; after one without, a client gets an event that says nothing."""


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
        self._checked = -1
        """Number of the newest event at the last check."""
        self._quiet = False
        """True if there was no event between two checks, until the client has got one."""
        self._timer = asyncio.get_running_loop().call_later(KEEP_ALIVE_SECONDS, self._check)

    def close(self) -> None:
        """Stop reading."""
        self._timer.cancel()
        self._generation.unwatch(self._news.set)

    async def events(self) -> AsyncIterator[list[Event]]:
        """Yield the events as they come, up to the last one."""
        yield list(self.answer.opening())
        while not self.answer.ended:
            self._news.clear()
            if found := list(self._read()):
                yield found
            elif self._quiet:
                self._quiet = False
                yield [self.answer.keep_alive()]
            else:
                await self._news.wait()

    async def to_end(self) -> None:
        """Read until the response has ended."""
        async for _ in self.events():
            pass

    def _check(self) -> None:
        self._quiet = self._checked == self.answer.sequence
        self._checked = self.answer.sequence
        if self._quiet:
            self._news.set()
        self._timer = asyncio.get_running_loop().call_later(KEEP_ALIVE_SECONDS, self._check)

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
