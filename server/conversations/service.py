"""Conversations of all principals: starts their turns, reads and changes them.

A turn is written before its generation is accepted, and the answer when it has ended, with or without readers
(answers.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Coroutine, Iterable
from time import monotonic
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

from msgspec.structs import replace

from protocol.errors import RemoteProtocolError
from protocol.messages import Generate
from server.conversations import reading, turn_prompt, turns, upkeep
from server.conversations.answers import Answers
from server.conversations.changes import Changes
from server.conversations.drafts import Drafts
from server.conversations.locks import Locks
from server.conversations.reading import Writing
from server.conversations.sizes import Sizes
from server.conversations.store import Store, StoreStatus, Work, now
from server.conversations.values import Summary, event
from server.generations.answer_places import Start
from server.generations.generation import Generation
from server.generations.parts import ENDED
from server.generations.registry import Registry
from server.logs import described

CONVERSATIONS: Final = "conversations"
"""Name of this part of the server."""

CLOSE_SECONDS: Final = 5.0
"""Time for starts to end when the server goes down. Their turns are ended by the next server after that."""

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")


class Started(NamedTuple):
    """A started generation. ``new``: it was started now. ``message``: in a conversation, the message it writes."""

    generation: Generation
    new: bool
    message: str | None = None


class Conversations:
    """Owns the starts that are under way, on the event loop; the store owns the contents."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.changes = Changes()
        self.importing = asyncio.Lock()
        """Held while a file is read for import, which may take much memory: one at a time."""
        self.sizes = Sizes(store, registry)
        self.drafts = Drafts(store, registry)
        self._store = store
        self._registry = registry
        self._answers = Answers(store, registry, self.changes)
        self._locks = Locks()
        self._starts: set[asyncio.Task[Started]] = set()
        """Starts whose turn is being written or whose generation is being journaled."""
        self.restored = asyncio.Event()
        """Set once the answers of an earlier server are known, or can't be read. No client is served before: an
        answer that ends would be announced before its conversation has it."""

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
                self._answers.restore(writing)
        self.restored.set()
        while True:
            with contextlib.suppress(RemoteProtocolError):
                if (await self._store.submit(upkeep.purge, now())).deleted:
                    await asyncio.to_thread(self._store.purged)
            await asyncio.sleep(upkeep.INTERVAL_SECONDS)

    async def close(self) -> None:
        """Wait for the starts, write the answers that have ended, and close the store. Close the registry before."""
        if self._starts:
            await asyncio.wait(self._starts, timeout=CLOSE_SECONDS)
        self._answers.close()
        await asyncio.to_thread(self._store.close)

    async def read(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work`` in the store and return its result. Raises RemoteProtocolError."""
        return await self._store.submit(work, *args, **kwargs)

    def publish(self, principal: str, summaries: Iterable[Summary], *, deleted: bool = False) -> None:
        for summary in summaries:
            self.changes.publish(principal, event(summary, deleted=deleted))

    async def keep_model(self, model: str) -> None:
        """Let the conversations in which the default model ``model`` has answered keep it. Call it before another one
        becomes the default. Raises RemoteProtocolError."""
        for principal, summary in await self._store.submit(upkeep.keep_model, model):
            self.publish(principal, [summary])

    def cancel(self, principal: str, generations: Iterable[str]) -> None:
        """Cancel these generations of the principal, if they are running."""
        for id in generations:
            with contextlib.suppress(RemoteProtocolError):
                self._registry.cancel(id, monotonic(), principal=principal)

    # Starting

    async def start(
        self, principal: str, body: Generate, received: float, written: str = "", note: str = ""
    ) -> Started:
        """Start the generation that ``body`` requests, in its conversation if it names one (PROTOCOL 14.2).

        ``received`` is a ``time.monotonic()``. ``written``: beginning of the answer, which the model continues; not in
        a conversation. ``note``: see Generation. Idempotent by id: for the same id and body, returns the existing
        generation. Watch the generation before the next await: ``on_detach_ms`` counts from here. If the caller is
        cancelled, either nothing is written, or both the turn and its generation. Raises RemoteProtocolError with the
        code for the client.
        """
        named = replace(body, id=body.id or secrets.token_hex(8))
        try:
            async with contextlib.AsyncExitStack() as locks:
                await self._lock(locks, principal, named)
                if known := self._registry.known(named, principal):
                    self._registry.count_detach(known)
                    return Started(known, False)
                turn = await self._turn(principal, named)
                start = await self._prepare(principal, named, turn, received, written)
                begin = self._begin(principal, named, turn, start, note, locks.pop_all())
            return await self._carried_out(begin)
        except RemoteProtocolError as error:
            error.re, error.id = "generate", body.id
            raise

    async def _lock(self, locks: contextlib.AsyncExitStack, principal: str, body: Generate) -> None:
        """Wait for other starts with the same id, and for other starts in the same conversation."""
        await locks.enter_async_context(self._locks.held((principal, "generation", body.id)))
        if body.conversation is not None:
            await locks.enter_async_context(self._locks.held((principal, "conversation", body.conversation)))

    async def _turn(self, principal: str, body: Generate) -> turns.Turn | None:
        """Return the turn in the conversation that ``body`` names; None if it names none."""
        return None if body.conversation is None else await self._store.submit(turns.turn, principal, body)

    async def _prepare(
        self, principal: str, body: Generate, turn: turns.Turn | None, received: float, written: str
    ) -> Start:
        if body.from_ is not None:
            return await self._registry.prepare_fork(body, received=received, principal=principal)
        if turn:
            body, written = turn_prompt.asked(body, turn, self._registry.writer.models), turn_prompt.written(turn)
        return Start(await self._registry.prepare(body, written=written, received=received, principal=principal))

    async def _carried_out(self, begin: Coroutine[Any, Any, Started]) -> Started:
        """Carry out ``begin`` to its end, even if the caller is cancelled."""
        starting = asyncio.get_running_loop().create_task(begin, name="start")
        self._starts.add(starting)
        starting.add_done_callback(self._starts.discard)
        try:
            await asyncio.wait([starting])
        except asyncio.CancelledError:
            starting.add_done_callback(self._end_without_caller)
            raise
        started = starting.result()
        self._registry.count_detach(started.generation)
        return started

    def _end_without_caller(self, starting: asyncio.Task[Started]) -> None:
        if starting.cancelled():
            return
        if error := starting.exception():
            if not isinstance(error, RemoteProtocolError):
                logger.error("a generation was not started: %s", error, exc_info=error)
        else:
            self._registry.count_detach(starting.result().generation)

    async def _begin(
        self,
        principal: str,
        body: Generate,
        turn: turns.Turn | None,
        start: Start,
        note: str,
        locks: contextlib.AsyncExitStack,
    ) -> Started:
        """Begin a prepared generation, and wait until it is accepted. Releases ``locks`` at the end."""
        async with locks:
            with self._registry.places.reserved(body, principal):
                if turn is None:
                    generation, begun = self._registry.begin(body, start, note), None
                else:
                    generation, begun = await self._begin_turn(principal, body, turn, start)
            await self._registry.accepted(generation.id, principal)
            if begun is None:
                return Started(generation, True)
            self.publish(principal, [begun.summary])  # only now: clients may attach to an announced generation
            return Started(generation, True, begun.message)

    async def _begin_turn(
        self, principal: str, body: Generate, turn: turns.Turn, start: Start
    ) -> tuple[Generation, turns.TurnStart]:
        """Write the turn, then begin its generation. Undo the turn if the generation can't begin."""
        question, conversation = body.message_id or secrets.token_hex(8), body.conversation or ""
        begun = await self._store.submit(turns.begin, principal, body, turn, question, now(), start.prepared.dropped)
        try:
            generation = self._registry.begin(body, start)
        except Exception:
            await self._undo(principal, conversation, begun)
            raise
        self._answers.add(Writing(principal, conversation, generation.id))
        return generation, begun

    async def _undo(self, principal: str, conversation: str, begun: turns.TurnStart) -> None:
        try:
            undone = await self._store.submit(turns.undo, principal, conversation, begun)
        except RemoteProtocolError as error:
            logger.error("a turn was not undone: %s", error)
            return
        self.publish(principal, [undone] if undone else [])
