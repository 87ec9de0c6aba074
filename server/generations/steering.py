"""Instructions in mid-answer, from their receipt until the engine has read them (PROTOCOL 4.9)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Steered
from server.engine.base import EngineDeadError
from server.generations.generation import Generation
from server.generations.late_refusals import LateRefusals, retrieve
from server.writers.writer_port import Writer

REFUSALS: Final = LateRefusals("steer", "the instruction was read")


class _Open:
    """Instructions of one generation. ``waiting``: a future for each that the writer has, in order. ``known``: those
    with a key that the writer has or has read, by key. ``turn``: held while one of them is prepared, so that they reach
    the writer in the order of their receipt."""

    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[Steered]] = deque()
        self.known: dict[str, _Known] = {}
        self.turn = asyncio.Lock()

    def know(self, key: str, content: str, future: asyncio.Future[Steered]) -> None:
        """Remember an instruction by its key, until it is refused."""
        self.known[key] = _Known(content, future)
        future.add_done_callback(lambda done: self.known.pop(key) if done.exception() else None)


class _Known(NamedTuple):
    content: str
    future: asyncio.Future[Steered]


class Steering:
    """Owns the instructions that the writer has not read yet, on the event loop."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._open: dict[str, _Open] = {}

    async def steer(self, generation: Generation, content: str, key: str | None = None) -> asyncio.Future[Steered]:
        """Give an instruction to the writer, unless it has got one with this ``key``.

        Returns the future of its event, which raises RemoteProtocolError if the answer ends before, or if there is no
        room for it. Raises RemoteProtocolError: already_done, unsupported, context_overflow, engine_failed, id_conflict
        (the one with this key has another content).
        """
        REFUSALS.check_running(generation)
        open = self._open.setdefault(generation.key, _Open())
        async with open.turn:
            future = _known(open, generation, content, key)
            if future is None:
                future = await self._submit(open, generation, content)
                if key is not None:
                    open.know(key, content, future)
        outer = asyncio.shield(future)  # others may await the same instruction
        outer.add_done_callback(retrieve)
        return outer

    async def _submit(self, open: _Open, generation: Generation, content: str) -> asyncio.Future[Steered]:
        model, body = generation.model, generation.form
        try:
            instruction = await asyncio.to_thread(self._writer.instruction, model, body, content)
            REFUSALS.check_running(generation)  # it may have ended meanwhile
            self._writer.steer(generation.key, model, instruction)
        except (EngineDeadError, RemoteProtocolError) as error:
            raise REFUSALS.of(generation, error) from error
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(retrieve)
        open.waiting.append(future)
        return future

    def read(self, generation: Generation, event: Steered) -> None:
        """Note that the writer has read the oldest instruction: ``event`` is in the log."""
        if future := self._oldest(generation):
            future.set_result(event)

    def refused(self, generation: Generation, code: str, text: str) -> None:
        """Note that the writer has refused the oldest instruction."""
        if future := self._oldest(generation):
            future.set_exception(REFUSALS.refusal(generation, ErrorCode(code), text))

    def ended(self, generation: Generation) -> None:
        """Refuse all instructions of a generation that has ended."""
        if open := self._open.pop(generation.key, None):
            for future in open.waiting:
                future.set_exception(REFUSALS.already_done(generation))

    def _oldest(self, generation: Generation) -> asyncio.Future[Steered] | None:
        """Take the oldest instruction; None if an earlier server got it."""
        open = self._open.get(generation.key)
        return open.waiting.popleft() if open and open.waiting else None


def _known(open: _Open, generation: Generation, content: str, key: str | None) -> asyncio.Future[Steered] | None:
    """Return the future of the instruction with this key, None if there is none. Raises RemoteProtocolError."""
    known = None if key is None else open.known.get(key)
    if known is None:
        return None
    if known.content != content:
        text = f"key: another instruction of generation {generation.id!r} has the key {key!r}; choose another key"
        raise REFUSALS.refusal(generation, ErrorCode.ID_CONFLICT, text, "key")
    return known.future
