"""Changes of the parameters of running answers, from their receipt until the engine uses them (PROTOCOL 4.11)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Tune, Tuned
from server.engine.base import EngineDeadError
from server.generations.generation import Generation
from server.generations.late_refusals import LateRefusals, retrieve
from server.writers.writer_port import Writer

MOST: Final = 256
"""Changes of one answer. Further ones are refused: each is an event of the log, and a snapshot for older clients."""

REFUSALS: Final = LateRefusals("tune", "its parameters were changed")


class _Open:
    """Changes of one generation. ``waiting``: a future for each that the writer has, in order. ``turn``: held while one
    of them is checked, so that they reach the writer in the order of their receipt."""

    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[Tuned]] = deque()
        self.turn = asyncio.Lock()


class Tuner:
    """Owns the changes that the writer does not use yet, on the event loop."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._open: dict[str, _Open] = {}

    async def tune(self, generation: Generation, message: Tune) -> asyncio.Future[Tuned]:
        """Give new parameters to the writer.

        Returns the future of their event, which raises RemoteProtocolError if the answer ends before. Raises
        RemoteProtocolError: already_done, invalid_field, unsupported, busy, engine_failed.
        """
        REFUSALS.check_running(generation)
        open = self._open.setdefault(generation.key, _Open())
        async with open.turn:
            if generation.log.tunings + len(open.waiting) >= MOST:
                text = f"an answer can be tuned {MOST} times, and this one was; cancel it, and ask again"
                raise REFUSALS.refusal(generation, ErrorCode.UNSUPPORTED, text)
            return await self._submit(open, generation, message)

    async def _submit(self, open: _Open, generation: Generation, message: Tune) -> asyncio.Future[Tuned]:
        model, body = generation.model, generation.form
        try:
            tuning = await asyncio.to_thread(self._writer.tuning, model, body, message)
            REFUSALS.check_running(generation)  # it may have ended meanwhile
            self._writer.tune(generation.key, model, tuning)
        except (EngineDeadError, RemoteProtocolError) as error:
            raise REFUSALS.of(generation, error) from error
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(retrieve)
        open.waiting.append(future)
        return future

    def tuned(self, generation: Generation) -> None:
        """Note that the writer uses the oldest new parameters: their event is the newest in the log."""
        open = self._open.get(generation.key)
        if open and open.waiting:  # an earlier server may have got them
            event = generation.log.event(generation.log.pieces)
            assert isinstance(event, Tuned)
            _settle(open.waiting.popleft(), event)

    def ended(self, generation: Generation) -> None:
        """Refuse all changes of a generation that has ended."""
        if open := self._open.pop(generation.key, None):
            for future in open.waiting:
                _settle(future, REFUSALS.already_done(generation))


def _settle(future: asyncio.Future[Tuned], result: Tuned | RemoteProtocolError) -> None:
    """Give the future its result, unless its sender has left."""
    if future.done():
        return
    if isinstance(result, Tuned):
        future.set_result(result)
    else:
        future.set_exception(result)
