"""All generations by key: those being journaled, the open ones, and those that have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from server.generations.generation import Generation


class _Journaling(NamedTuple):
    """A generation that is being journaled; ``accepted`` is set once it is in the journal."""

    generation: Generation
    accepted: asyncio.Event


class GenerationTable(Mapping[str, Generation]):
    """Owns the state of each generation in the registry: being journaled, open or ended. Belongs to the event loop.

    As a mapping it has the accepted generations, open and ended ones, until their logs expire. Keys: see ownership.py.
    """

    def __init__(self) -> None:
        self._accepted: dict[str, Generation] = {}
        self._open: dict[str, Generation] = {}
        self._journaling: dict[str, _Journaling] = {}
        self.idle = asyncio.Event()
        """Set while no generation is unfinished."""
        self.idle.set()

    def __getitem__(self, key: str) -> Generation:
        return self._accepted[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._accepted)

    def __len__(self) -> int:
        return len(self._accepted)

    @property
    def open(self) -> list[Generation]:
        """Accepted generations that have not ended, oldest first."""
        return list(self._open.values())

    @property
    def unfinished(self) -> list[Generation]:
        """Generations that have not ended, including those being journaled."""
        return [*self._open.values(), *(one.generation for one in self._journaling.values())]

    def open_one(self, key: str) -> Generation | None:
        return self._open.get(key)

    def find(self, key: str) -> Generation | None:
        """Return a generation, including one that is being journaled; None when there is none."""
        journaling = self._journaling.get(key)
        return journaling.generation if journaling else self._accepted.get(key)

    def begin(self, generation: Generation) -> None:
        """Add a generation that is being journaled."""
        self._journaling[generation.key] = _Journaling(generation, asyncio.Event())
        self._note_idle()

    def accept(self, key: str) -> Generation | None:
        """Open the generation, since it is in the journal. None when a fault has ended it meanwhile."""
        if (journaled := self._journaling.pop(key, None)) is None:
            return None
        self.add(journaled.generation, is_open=True)
        journaled.accepted.set()
        return journaled.generation

    def accept_all(self) -> None:
        """Open every generation that is being journaled."""
        for key in tuple(self._journaling):
            self.accept(key)

    async def accepted(self, key: str) -> None:
        """Wait until the generation, if it is being journaled, is accepted."""
        if journaling := self._journaling.get(key):
            await journaling.accepted.wait()

    def add(self, generation: Generation, *, is_open: bool) -> None:
        """Add an accepted generation."""
        self._accepted[generation.key] = generation
        if is_open:
            self._open[generation.key] = generation
        self._note_idle()

    def end(self, generation: Generation) -> None:
        """Move an open generation to those that have ended."""
        del self._open[generation.key]
        self._note_idle()

    def forget(self, keys: Iterable[str]) -> None:
        """Remove ended generations."""
        for key in keys:
            del self._accepted[key]

    def _note_idle(self) -> None:
        if self._open or self._journaling:
            self.idle.clear()
        else:
            self.idle.set()
