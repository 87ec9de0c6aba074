"""The generations of one request of OpenAI's API, one for each choice, and their events as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from starlette.requests import Request

from protocol.messages import Done, Generate, Steered, Token, Tuned
from server.conversations.service import Conversations
from server.generations.generation import Generation
from server.guard.principal import principal_of


class ChoiceEvent(NamedTuple):
    """An event of the log of a choice, by the choice's index."""

    choice: int
    event: Token | Done


class Choices:
    """Owned by the request's task. Each generation is watched from its start, and stops when ``leave`` is called."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._generations: list[Generation] = []
        self._cursors: list[int] = []

    def add(self, generation: Generation) -> None:
        """Watch a generation that was started just now: before the next await."""
        generation.watch(self._news.set)
        self._generations.append(generation)
        self._cursors.append(0)

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the first choice's prompt."""
        return self._generations[0].prompt_tokens

    def leave(self) -> None:
        """Stop watching."""
        for generation in self._generations:
            generation.unwatch(self._news.set)

    async def events(self) -> AsyncIterator[list[ChoiceEvent]]:
        """Yield all new events at once whenever there are some, until every choice is done."""
        while True:
            self._news.clear()
            if found := self._read():
                yield found
            elif all(generation.log.done for generation in self._generations):
                return
            else:
                await self._news.wait()

    def _read(self) -> list[ChoiceEvent]:
        """Return the events after the cursors. Without any, each cursor is at the end of its log."""
        found: list[ChoiceEvent] = []
        for index, generation in enumerate(self._generations):
            log = generation.log
            while self._cursors[index] < log.seq and (event := log.read(self._cursors[index])) is not None:
                self._cursors[index] = event.seq
                if not isinstance(event, Steered | Tuned):
                    found.append(ChoiceEvent(index, event))
        return found


@contextlib.asynccontextmanager
async def started(
    request: Request, bodies: Sequence[Generate], received: float, written: str = ""
) -> AsyncIterator[Choices]:
    """Start the generations of a request, and stop those that still run at the end of the block.

    Raises RemoteProtocolError if one of them can't be started.
    """
    conversations: Conversations = request.app.state.conversations
    choices = Choices()
    try:
        for body in bodies:
            generation, _, _ = await conversations.start(principal_of(request.scope), body, received, written)
            choices.add(generation)
        yield choices
    finally:
        choices.leave()
