"""Link between conversations and generations: starts turns and stores their answers.

A turn is written before its generation is accepted, and the answer when it has ended, with or without readers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Iterable
from typing import Final, NamedTuple, ParamSpec, TypeVar

from msgspec.structs import replace

from protocol.errors import RemoteProtocolError
from protocol.messages import Done, Generate
from server.conversations import reading, turn_prompt, turns, upkeep
from server.conversations.beginning import Beginning
from server.conversations.changes import Changes
from server.conversations.locks import Locks
from server.conversations.reading import Writing
from server.conversations.sizes import Sizes
from server.conversations.store import Store, StoreStatus, Work
from server.conversations.values import Summary, event
from server.generations.generation import Generation
from server.generations.parts import ENDED
from server.generations.registry import Registry
from server.generations.source import Source
from server.generations.timers import Timers
from server.logs import described

CONVERSATIONS: Final = "conversations"
"""Name of this part of the server."""

RETRY_SECONDS: Final = 5.0
"""Delay before a failed write of an answer is retried, in seconds."""

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")


class Started(NamedTuple):
    """A started generation. ``new``: it was started now. ``message``: in a conversation, the message it writes."""

    generation: Generation
    new: bool
    message: str | None = None


class Conversations:
    """Owns the open generations of conversations, on the event loop; the store owns the contents."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.changes = Changes()
        self.importing = asyncio.Lock()
        """Held while a file is read for import, which may take much memory: one at a time."""
        self.sizes = Sizes(store, registry)
        self._store = store
        self._registry = registry
        self._locks = Locks()
        self._writing: dict[tuple[str, str], Writing] = {}
        """Open generations, by principal and id."""
        self._retries = Timers()
        self.restored = asyncio.Event()
        """Set once the answers of an earlier server are known, or can't be read. No client is served before: an
        answer that ends would be announced before its conversation has it."""
        registry.on_ended = self._on_end

    @property
    def status(self) -> StoreStatus:
        return self._store.status

    async def run(self) -> None:
        """Take over the answers of an earlier server, and purge deleted rows, until cancelled.

        Start it after the registry's ``run``, which restores the generations.
        """
        try:
            await self._keep()
        except Exception as error:
            self._registry.parts.died(CONVERSATIONS, described(error), error)
        finally:
            self.restored.set()
            if not self._registry.shutting_down:
                self._registry.parts.died(CONVERSATIONS, ENDED)

    @property
    def failure(self) -> str | None:
        """Reason why conversations can't be read or written, or are not maintained; None while all parts are alive."""
        if not self._registry.shutting_down and (death := self._store.death):
            self._registry.parts.died(CONVERSATIONS, death)
        return self._registry.parts.failures.get(CONVERSATIONS)

    async def _keep(self) -> None:
        left = self._store.submit(reading.left_writing)
        with contextlib.suppress(RemoteProtocolError):  # the store logs the error
            for writing in await left:
                self._follow(writing)
        self.restored.set()
        while True:
            with contextlib.suppress(RemoteProtocolError):
                await self._store.submit(upkeep.purge, now())
            await asyncio.sleep(upkeep.INTERVAL_SECONDS)

    def close(self) -> None:
        """Write the answers that have ended, and close the store. Blocks. The registry must be closed before."""
        self._retries.close()
        self._store.close()

    async def read(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work`` in the store and return its result. Raises RemoteProtocolError."""
        return await self._store.submit(work, *args, **kwargs)

    def publish(self, principal: str, summaries: Iterable[Summary], *, deleted: bool = False) -> None:
        for summary in summaries:
            self.changes.publish(principal, event(summary, deleted=deleted))

    def cancel(self, principal: str, generations: Iterable[str]) -> None:
        """Cancel these generations of the principal, if they are running."""
        for id in generations:
            with contextlib.suppress(RemoteProtocolError):
                self._registry.cancel(id, time.monotonic(), principal=principal)

    # Starting

    async def start(self, principal: str, body: Generate, received: float) -> Started:
        """Start the generation that ``body`` requests, in its conversation if it names one (PROTOCOL 14.2).

        Returns and raises like ``Registry.start``.
        """
        if body.conversation is None:
            return Started(*await self._registry.start(body, received, principal=principal))
        named = replace(body, id=body.id or secrets.token_hex(8))
        try:
            async with self._locks.held((principal, body.conversation)):
                return await self._start(principal, named, received)
        except RemoteProtocolError as error:
            error.re, error.id = "generate", body.id
            raise

    async def _start(self, principal: str, body: Generate, received: float) -> Started:
        if known := await self._registry.known(body, principal):
            return Started(known, False)
        turn = await self._store.submit(turns.turn, principal, body)
        beginning = Beginning(self._store, principal, body, turn)

        written: list[Summary] = []

        async def before(dropped: int) -> None:
            written.append(await beginning.write(dropped))
            self._writing[principal, body.id or ""] = Writing(principal, body.conversation or "", body.id or "")

        try:
            source = Source(turn_prompt.asked(body, turn), turn_prompt.written(turn), before)
            generation, new = await self._registry.start(body, received, principal=principal, source=source)
            self.publish(principal, written)  # only now: clients may attach to an announced generation
        except BaseException:
            if self._registry.find(body.id or "", principal) is None:
                self._undo_start(principal, body, beginning)
            else:  # the requester is gone, but the answer is written
                self.publish(principal, written)
            raise
        return Started(generation, new, beginning.message)

    def _undo_start(self, principal: str, body: Generate, beginning: Beginning) -> None:
        self._writing.pop((principal, body.id or ""), None)
        if (undone := beginning.undo()) is None:
            return
        undone.add_done_callback(lambda future: self._publish_result(principal, future))

    # Ending

    def _follow(self, writing: Writing) -> None:
        """Handle a generation of an earlier server: it is running, has ended, or no longer exists."""
        generation = self._registry.find(writing.generation, writing.principal)
        if generation is None or generation.body.conversation != writing.conversation:
            self._write_end(writing, "", (), None)
            return
        self._writing[writing.principal, writing.generation] = writing
        if generation.log.done:
            self._on_end(generation)

    def _on_end(self, generation: Generation) -> None:
        if writing := self._writing.get((generation.principal, generation.id)):
            self._write_end(writing, generation.log.text, tuple(generation.log.arrivals()), generation.log.done)

    def _write_end(
        self, writing: Writing, text: str, arrivals: tuple[tuple[int, float], ...], done: Done | None
    ) -> None:
        """Write the answer now, before any request of a client that has read the `done`; retry later when this
        fails."""
        model = self._registry.writer.facts.name if done else None
        future = self._store.submit(turns.end, writing, text, done, model, now(), arrivals)

        def written(future: asyncio.Future[Summary | None]) -> None:
            if not future.cancelled() and isinstance(future.exception(), RemoteProtocolError):
                name = f"{writing.principal}/{writing.generation}"
                self._retries.set(name, RETRY_SECONDS, lambda _: self._write_end(writing, text, arrivals, done))
                return
            self._writing.pop((writing.principal, writing.generation), None)
            self._publish_result(writing.principal, future)

        future.add_done_callback(written)

    def _publish_result(self, principal: str, future: asyncio.Future[Summary | None]) -> None:
        if future.cancelled():
            return
        if error := future.exception():
            logger.error("a conversation was not written: %s", error, exc_info=_fault(error))
        elif summary := future.result():
            self.publish(principal, [summary])


def now() -> int:
    """Return the current time in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def _fault(error: BaseException) -> BaseException | None:
    """Return ``error`` if it is a fault in the server, else None."""
    return None if isinstance(error, RemoteProtocolError) else error
