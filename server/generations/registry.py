"""Every generation of this server, by id: start, watch, cancel, expire. The only crossing from thread to event loop."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate
from server.chat.template import ChatTemplate, ChatTemplateError
from server.engine.base import Engine, EngineDeadError, EngineStats, GenerationRequest, ModelFacts, Update
from server.generations.generation import Generation
from server.generations.log import Wake
from server.generations.sampling import resolve_sampling

QUEUE_LIMIT = 256
"""Generations that may wait at the same time."""

LINGER = 600.0
"""Seconds for which a log can be read after its `done` (PROTOCOL 6.4)."""

RETRY_AFTER_MS = 1000

PROBE_CHARS = 65_536
"""Of a longer prompt only the beginning is tokenized at first: the time for some texts grows with the square of their
length, and most that long don't fit anyway."""


class Registry:
    """Owns every generation and its log. All methods belong to the event loop that ``run`` runs on."""

    def __init__(self, engine: Engine, template: ChatTemplate, *, linger: float = LINGER) -> None:
        self._engine = engine
        self._template = template
        self._linger = linger
        self._generations: dict[str, Generation] = {}
        self._open: dict[str, Generation] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        """One for each generation: until it is cancelled because nobody watches, or else until its log expires."""
        self._updates: asyncio.Queue[Sequence[Update]] = asyncio.Queue()

    @property
    def model(self) -> ModelFacts:
        return self._engine.facts

    @property
    def template(self) -> ChatTemplate:
        return self._template

    @property
    def parallel(self) -> int:
        return self._engine.slots

    @property
    def active(self) -> list[Generation]:
        """Those that have not ended, oldest first."""
        return list(self._open.values())

    def engine_stats(self) -> EngineStats:
        return self._engine.stats()

    async def run(self) -> None:
        """Start the engine and carry its updates into the logs, until cancelled."""
        loop = asyncio.get_running_loop()
        self._engine.start(lambda updates: _post(loop, self._updates, updates))
        while True:
            self._apply(await self._updates.get())

    async def close(self) -> None:
        """End the engine, which ends every generation, and write those ends into the logs."""
        await asyncio.to_thread(self._engine.close)
        while not self._updates.empty():
            self._apply(self._updates.get_nowait())
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    async def start(self, body: Generate, received: float) -> tuple[Generation, bool]:
        """Begin the generation that ``body`` asks for, received at ``time.monotonic()`` ``received``.

        The id makes it idempotent: with the same id and body as before, the one from before is returned, and False.
        Raises RemoteProtocolError, with the code that the client is told.
        """
        if known := self._known(body):
            return known, False
        try:
            return await self._start(body, received)
        except EngineDeadError as error:
            raise _refusal(body, ErrorCode.ENGINE_FAILED, f"{error}; the server has to be started again") from error

    def get(self, id: str, *, re: str) -> Generation:
        """The generation called ``id``. Raises RemoteProtocolError (unknown_id), in answer to a message ``re``."""
        generation = self._generations.get(id)
        if generation is None:
            text = f"id: there is no generation {id!r}; its log may have expired"
            raise RemoteProtocolError(ErrorCode.UNKNOWN_ID, text, field="id", re=re, id=id)
        return generation

    def cancel(self, id: str, received: float) -> None:
        """Stop a generation in whatever phase it is; its `done` says when that has been done.

        A second cancel changes nothing. Raises RemoteProtocolError (unknown_id, already_done).
        """
        generation = self.get(id, re="cancel")
        if generation.log.done:
            text = f"generation {id!r} had ended before the cancel arrived: {generation.log.done.reason}"
            raise RemoteProtocolError(ErrorCode.ALREADY_DONE, text, re="cancel", id=id)
        if generation.cancel_received is None:
            generation.cancel_received = received
            self._engine.cancel(id, received)

    def watch(self, generation: Generation, wake: Wake) -> None:
        """Have ``wake`` called whenever ``generation`` has news."""
        generation.watchers.append(wake)
        if not generation.log.done:
            self._clear_timer(generation.id)

    def unwatch(self, generation: Generation, wake: Wake) -> None:
        """The opposite. When nobody watches any more, ``on_detach_ms`` begins to count."""
        generation.watchers.remove(wake)
        delay = generation.on_detach_ms
        if not generation.watchers and not generation.log.done and delay is not None:
            self._set_timer(generation.id, delay / 1000, self._cancel_unwatched)

    async def _start(self, body: Generate, received: float) -> tuple[Generation, bool]:
        prompt = await asyncio.to_thread(self._prompt, body)
        if known := self._known(body):  # another connection was faster
            return known, False
        self._refuse_when_full(body)
        id = body.id or secrets.token_hex(8)
        position = max(0, len(self._open) + 1 - self._engine.slots)
        sampling = resolve_sampling(body, self._engine.facts, self._template.stop)
        self._engine.submit(GenerationRequest(id=id, prompt=prompt, sampling=sampling, received=received))
        generation = self._generations[id] = self._open[id] = Generation(id, secrets.token_hex(6), body, position)
        return generation, True

    def _known(self, body: Generate) -> Generation | None:
        known = self._generations.get(body.id) if body.id else None
        if known and not known.is_for(body):
            text = f"id: {body.id!r} belongs to a generation with another body; choose a new id"
            raise _refusal(body, ErrorCode.ID_CONFLICT, text, field="id")
        return known

    def _prompt(self, body: Generate) -> tuple[int, ...]:
        """The prompt's tokens; runs on a thread of its own, since a long prompt takes its time."""
        field = "messages" if body.messages else "prompt"
        try:
            text = self._rendered(body)
        except ChatTemplateError as error:
            raise _refusal(body, ErrorCode.UNSUPPORTED, f"{field}: {error}", field=field) from error
        if len(text) > PROBE_CHARS:
            self._refuse_overflow(body, field, self._engine.tokenize(text[:PROBE_CHARS]), at_least="at least ")
        tokens = self._engine.tokenize(text)
        self._refuse_overflow(body, field, tokens)
        return tuple(tokens)

    def _refuse_overflow(self, body: Generate, field: str, tokens: Sequence[int], at_least: str = "") -> None:
        context = self._engine.facts.context
        if len(tokens) >= context:
            text = (
                f"{field}: the prompt has {at_least}{len(tokens)} tokens and the context holds {context}, the answer "
                "included; shorten it, or start the server with a larger --context"
            )
            raise _refusal(body, ErrorCode.CONTEXT_OVERFLOW, text, field=field)

    def _rendered(self, body: Generate) -> str:
        if body.raw and body.prompt is not None:
            return body.prompt
        if body.messages is None:
            return self._template.render([{"role": "user", "content": body.prompt or ""}])
        return self._template.render([{"role": m.role, "content": m.content} for m in body.messages])

    def _refuse_when_full(self, body: Generate) -> None:
        if len(self._open) >= QUEUE_LIMIT + self._engine.slots:
            text = f"{QUEUE_LIMIT} generations are waiting already; try again later"
            raise _refusal(body, ErrorCode.BUSY, text, retry_after_ms=RETRY_AFTER_MS)

    def _apply(self, updates: Sequence[Update]) -> None:
        """One engine step: bring the logs up to date, then wake each reader once."""
        now = time.monotonic()
        wakes: dict[Wake, None] = {}
        for update in updates:
            generation = self._open.get(update.id)
            if generation is None:
                continue
            generation.apply(update, now)
            wakes.update(dict.fromkeys(generation.watchers))
            if generation.log.done:
                del self._open[update.id]
                self._set_timer(update.id, self._linger, self._expire)
        for wake in wakes:
            wake()

    def _cancel_unwatched(self, id: str) -> None:
        if id in self._open:
            self.cancel(id, time.monotonic())

    def _expire(self, id: str) -> None:
        self._clear_timer(id)
        self._generations.pop(id, None)

    def _set_timer(self, id: str, delay: float, action: Callable[[str], None]) -> None:
        self._clear_timer(id)
        self._timers[id] = asyncio.get_running_loop().call_later(delay, action, id)

    def _clear_timer(self, id: str) -> None:
        timer = self._timers.pop(id, None)
        if timer:
            timer.cancel()


def _post(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Sequence[Update]], updates: Sequence[Update]) -> None:
    """On the engine's thread: hand one step over to the event loop, which may have closed in the meantime."""
    try:
        loop.call_soon_threadsafe(queue.put_nowait, updates)
    except RuntimeError:
        return


def _refusal(
    body: Generate, code: ErrorCode, text: str, *, field: str | None = None, retry_after_ms: int | None = None
) -> RemoteProtocolError:
    return RemoteProtocolError(code, text, field=field, re="generate", id=body.id, retry_after_ms=retry_after_ms)
