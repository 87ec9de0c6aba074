"""The crossing between conversations and generations: who asks in a conversation, and what becomes of the answer.

A turn is written before its generation is accepted, and the answer when it has ended, whether or not anybody watches.
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
from server.conversations import prompt, reading, turns, upkeep
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
"""The part of the server that this is."""

RETRY_SECONDS: Final = 5.0
"""Until an answer is written again that could not be written."""

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")


class Started(NamedTuple):
    """``new``: it was begun now. ``message``: the one that it writes, in a conversation."""

    generation: Generation
    new: bool
    message: str | None = None


class Conversations:
    """Owns what is being written in conversations, on the event loop; the store owns what they hold."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.changes = Changes()
        self.importing = asyncio.Lock()
        """Held by whoever reads a file to be imported, which may take much memory: one at a time."""
        self.sizes = Sizes(store, registry)
        self._store = store
        self._registry = registry
        self._locks = Locks()
        self._writing: dict[tuple[str, str], Writing] = {}
        """What is being written, by its principal and generation."""
        self._retries = Timers()
        self.restored = asyncio.Event()
        """Set once the answers that an earlier server left are known, or can't be read. Until then an answer that ends
        would be announced before its conversation has it, so no client is served before."""
        registry.when_ended = self._take_end

    @property
    def status(self) -> StoreStatus:
        return self._store.status

    async def run(self) -> None:
        """Take over what an earlier server left, and throw away what was deleted long ago, until cancelled.

        Begin it after the registry's own ``run``, which restores the generations.
        """
        try:
            await self._keep()
        except Exception as error:
            self._registry.parts.died(CONVERSATIONS, described(error), error)
        finally:
            self.restored.set()
            if not self._registry.going_down:
                self._registry.parts.died(CONVERSATIONS, ENDED)

    @property
    def failure(self) -> str | None:
        """Why conversations can't be read or written any more, or are not looked after; None while all is alive."""
        if not self._registry.going_down and (death := self._store.death):
            self._registry.parts.died(CONVERSATIONS, death)
        return self._registry.parts.failures.get(CONVERSATIONS)

    async def _keep(self) -> None:
        left = self._store.submit(reading.left_writing)
        with contextlib.suppress(RemoteProtocolError):  # the store says so itself
            for writing in await left:
                self._follow(writing)
        self.restored.set()
        while True:
            with contextlib.suppress(RemoteProtocolError):
                await self._store.submit(upkeep.purge, now())
            await asyncio.sleep(upkeep.INTERVAL_SECONDS)

    def close(self) -> None:
        """Write what has ended, and close the store. Blocks; the registry has been closed before."""
        self._retries.close()
        self._store.close()

    async def read(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``work`` finds in the store. Raises RemoteProtocolError."""
        return await self._store.submit(work, *args, **kwargs)

    def tell(self, principal: str, summaries: Iterable[Summary], *, deleted: bool = False) -> None:
        for summary in summaries:
            self.changes.publish(principal, event(summary, deleted=deleted))

    def cancel(self, principal: str, generations: Iterable[str]) -> None:
        """Stop these of the principal's generations, as far as they run."""
        for id in generations:
            with contextlib.suppress(RemoteProtocolError):
                self._registry.cancel(id, time.monotonic(), principal=principal)

    # Asking

    async def start(self, principal: str, body: Generate, received: float) -> Started:
        """Begin the generation that ``body`` asks for, in its conversation if it names one (PROTOCOL 14.2).

        As ``Registry.start``, which it raises the errors of.
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
            source = Source(prompt.asked(body, turn), prompt.written(turn), before)
            generation, new = await self._registry.start(body, received, principal=principal, source=source)
            self.tell(principal, written)  # only now: who hears of a generation may attach to it
        except BaseException:
            if self._registry.find(body.id or "", principal) is None:
                self._has_not_begun(principal, body, beginning)
            else:  # whoever asked has gone, and the answer is written all the same
                self.tell(principal, written)
            raise
        return Started(generation, new, beginning.message)

    def _has_not_begun(self, principal: str, body: Generate, beginning: Beginning) -> None:
        self._writing.pop((principal, body.id or ""), None)
        if (taken_back := beginning.take_back()) is None:
            return
        taken_back.add_done_callback(lambda future: self._tell_result(principal, future))

    # Being answered

    def _follow(self, writing: Writing) -> None:
        """One that an earlier server left: it goes on, has ended, or is no more."""
        generation = self._registry.find(writing.generation, writing.principal)
        if generation is None or generation.body.conversation != writing.conversation:
            self._write_end(writing, "", (), None)
            return
        self._writing[writing.principal, writing.generation] = writing
        if generation.log.done:
            self._take_end(generation)

    def _take_end(self, generation: Generation) -> None:
        if writing := self._writing.get((generation.principal, generation.id)):
            self._write_end(writing, generation.log.text, tuple(generation.log.arrivals()), generation.log.done)

    def _write_end(
        self, writing: Writing, text: str, arrivals: tuple[tuple[int, float], ...], done: Done | None
    ) -> None:
        """Write it now, before whatever a client asks that has read the `done`; later, where that fails."""
        model = self._registry.writer.facts.name if done else None
        future = self._store.submit(turns.end, writing, text, done, model, now(), arrivals)

        def written(future: asyncio.Future[Summary | None]) -> None:
            if not future.cancelled() and isinstance(future.exception(), RemoteProtocolError):
                name = f"{writing.principal}/{writing.generation}"
                self._retries.set(name, RETRY_SECONDS, lambda _: self._write_end(writing, text, arrivals, done))
                return
            self._writing.pop((writing.principal, writing.generation), None)
            self._tell_result(writing.principal, future)

        future.add_done_callback(written)

    def _tell_result(self, principal: str, future: asyncio.Future[Summary | None]) -> None:
        if future.cancelled():
            return
        if error := future.exception():
            logger.error("a conversation was not written: %s", error, exc_info=_fault(error))
        elif summary := future.result():
            self.tell(principal, [summary])


def now() -> int:
    """In milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def _fault(error: BaseException) -> BaseException | None:
    """``error``, where it is ours."""
    return None if isinstance(error, RemoteProtocolError) else error
