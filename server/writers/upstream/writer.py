"""The writer over an upstream: a thread with an event loop, a queue, retries and Stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import msgspec

from protocol.errors import ErrorCode
from protocol.messages import Generate
from server.engine.base import (
    EngineDeadError,
    EngineStats,
    Finished,
    FinishReason,
    GenerationRequest,
    Limit,
    Listener,
    ModelError,
    Queued,
    Update,
)
from server.engine.sampling_params import SamplingParams
from server.logs import described
from server.writers.endings import ended
from server.writers.model_choice import named_model
from server.writers.request_errors import refusal
from server.writers.upstream.answer import Answer
from server.writers.upstream.asked import asked_of, read_asked
from server.writers.upstream.call_marks import BEGIN as CALL
from server.writers.upstream.chunks import DONE, read_chunk
from server.writers.upstream.free_slots import has_stopped
from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.upstream.line import CutError, Line, RefusedError, Stream, UpstreamError
from server.writers.upstream.request_body import TEMPLATE_PATH, Form, ask, needs_template, template_body
from server.writers.upstream.upstream import UpstreamFacts
from server.writers.upstream.waiting import in_order
from server.writers.upstream.without_tokens import WithoutTokens
from server.writers.writer_port import Facts, Prepared, ServedModel, TemplateOrigin

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
"""Pauses before another try, in seconds; each is twice the one before."""

FIRST_LOOK: Final = 0.5
LONGEST_LOOK: Final = 10.0
"""Pauses before an upstream that can't be reached is asked again, in seconds; each is twice the one before."""

logger = logging.getLogger(__name__)


class UpstreamWriter(WithoutTokens):
    """Owns the thread, its loop and the connections. All private methods run on that thread."""

    def __init__(self, known: KnownUpstream) -> None:
        self.known = known
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="upstream", daemon=True)
        self._stats = EngineStats(slots=known.slots)
        self._listener: Listener = lambda updates: None
        self._waiting: dict[str, Answer] = {}
        self._running: dict[str, tuple[Answer, asyncio.Task[None]]] = {}
        self._open: set[str] = set()
        """Answers whose request is open, or may still be computed by the upstream."""
        self._updates: list[Update] = []
        self._closing = asyncio.Event()
        self._lost = asyncio.Event()
        self._line: Line | None = None

    @property
    def facts(self) -> Facts:
        first = self.models[0]
        return UpstreamFacts(name=first.name, parameters=first.parameters, context=first.context)

    @property
    def models(self) -> tuple[ServedModel, ...]:
        return self.known.models

    @property
    def template(self) -> TemplateOrigin:
        return "upstream"

    @property
    def slots(self) -> int:
        return self.known.slots

    def identity(self, model: str) -> str:
        return f"{model} (behind {self.known.title})"

    def start(self, listener: Listener, models_changed: Callable[[], None] = lambda: None) -> None:
        self._listener, self.known.models_changed = listener, models_changed
        self._thread.start()

    def refresh(self) -> None:
        """Ask the upstream for its models again. One that can't be reached keeps those that it had."""
        try:
            self.known.ask(patient=False)
        except ModelError:
            with contextlib.suppress(EngineDeadError):
                self._call(self._lost.set)

    def prepare(self, key: str, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        model = named_model(body, self.models)
        if (id := self.known.model_id(model)) is None:
            text = (
                f"model: {self.known.error or f'the model {model} is gone'}; try again later, or choose another model"
            )
            raise refusal(body, ErrorCode.ENGINE_FAILED, text, field="model")
        asked = asked_of(body, id, self.known.kind(), written)
        request = GenerationRequest(
            id=key,
            prompt=(),
            sampling=SamplingParams(),
            received=received,
            principal=principal,
            model=model,
            asked=asked.to_json(),
        )
        return Prepared(request, 0)

    def resumed(self, request: GenerationRequest, identity: str, received: float) -> GenerationRequest | Finished:
        known, own = self.known, self.identity(request.model)
        has_model = known.found is None or (identity == own and known.model_id(request.model) is not None)
        if not request.asked or not has_model:
            text = f"it was started with {identity}, and the server now runs {own}; ask again"
            return ended(request, FinishReason.FAILED, text)
        if request.text and not known.kind(read_asked(request.asked).kind).continues:
            text = f"the server was restarted, and {known.title} can't continue a text; ask again"
            return ended(request, FinishReason.FAILED, text)
        if CALL.strip() in "".join(request.text) and read_asked(request.asked).tools:
            text = "the server was restarted while the model called a function; ask again"
            return ended(request, FinishReason.FAILED, text)
        return replace(request, received=received)

    def submit(self, request: GenerationRequest) -> None:
        asked = read_asked(request.asked)
        self._call(lambda: self._add(Answer(request, asked, self.known.kind(asked.kind))))

    def cancel(self, key: str, received: float) -> None:
        with contextlib.suppress(EngineDeadError):
            self._call(lambda: self._cancel(key, received))

    def eta_ms(self) -> int | None:
        return None

    def stats(self) -> EngineStats:
        alive = self._thread.is_alive() or self._thread.ident is None
        return replace(self._stats, alive=alive, running=len(self._running), queued=len(self._waiting))

    def close(self) -> None:
        if self._thread.ident is None:
            self._loop.close()
            return
        with contextlib.suppress(EngineDeadError):
            self._call(self._closing.set)
        self._thread.join()

    def _call(self, act: Callable[[], object]) -> None:
        """Run ``act`` on the loop. Raises EngineDeadError after the end."""
        try:
            self._loop.call_soon_threadsafe(act)
        except RuntimeError:
            raise EngineDeadError("the connection to the model's server has ended; restart the server") from None

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        address = self.known.address
        self._line = Line(address.url, address.key, silence=address.silence)
        watching = self._loop.create_task(self._watch(), name="watch")
        try:
            await self._closing.wait()
            watching.cancel()
            for answer in list(self._waiting.values()):
                self._drop(answer, FinishReason.INTERRUPTED)
            for answer, task in list(self._running.values()):
                if answer.cancel_received is None:
                    self._interrupt(answer, task)
            await asyncio.gather(*(task for _, task in self._running.values()), return_exceptions=True)
        finally:
            await self._line.close()
            self._flush()

    # The queue

    def _add(self, answer: Answer) -> None:
        if self._closing.is_set():
            self._emit([answer.finished(FinishReason.INTERRUPTED, time.monotonic(), stopped=True)])
            return
        self._waiting[answer.id] = answer
        self._admit()

    def _admit(self) -> None:
        """Start the next answers, and report the positions of the others."""
        running = [answer for answer, _ in self._running.values()]
        while self._waiting and len(self._running) < self.slots and not self._closing.is_set():
            answer = in_order(self._waiting.values(), running)[0]
            del self._waiting[answer.id]
            running.append(answer)
            self._running[answer.id] = answer, self._loop.create_task(self._write(answer), name="answer")
        self._emit(
            Queued(answer.id, place) for place, answer in enumerate(in_order(self._waiting.values(), running), start=1)
        )

    def _cancel(self, key: str, received: float) -> None:
        if answer := self._waiting.get(key):
            answer.cancel_received = received
            self._drop(answer, FinishReason.CANCELLED)
            self._admit()
        elif found := self._running.get(key):
            answer, task = found
            if answer.cancel_received is None:
                answer.cancel_received = received
                self._interrupt(answer, task)

    def _interrupt(self, answer: Answer, task: asyncio.Task[None]) -> None:
        """End an answer that has been admitted. A task that hasn't run yet never runs, so it can't end its answer."""
        task.cancel()
        if not answer.has_begun:
            reason = FinishReason.INTERRUPTED if answer.cancel_received is None else FinishReason.CANCELLED
            del self._running[answer.id]
            self._emit([answer.finished(reason, time.monotonic(), stopped=self.known.confirms_stop)])
            self._admit()

    def _drop(self, answer: Answer, reason: FinishReason) -> None:
        del self._waiting[answer.id]
        self._emit([answer.finished(reason, time.monotonic(), stopped=self.known.confirms_stop)])

    def _emit(self, updates: Iterable[Update]) -> None:
        """Deliver updates with all others of this turn of the loop."""
        if not self._updates:
            self._loop.call_soon(self._flush)
        self._updates.extend(updates)

    def _flush(self) -> None:
        updates, self._updates = self._updates, []
        if updates:
            self._stats.steps += 1
            self._listener(updates)

    # One answer

    async def _write(self, answer: Answer) -> None:
        answer.has_begun = True
        try:
            finished = await self._to_end(answer)
        except asyncio.CancelledError:
            finished = await self._stopped(answer)
        except Exception as error:
            logger.exception("an answer of the upstream failed")
            text = f"a fault in the server ended this answer ({described(error)}); ask again"
            finished = answer.finished(FinishReason.FAILED, time.monotonic(), error=text, stopped=False)
        self._open.discard(answer.id)
        self._stats.prompt_tokens += finished.usage.prompt_tokens
        self._stats.cached_tokens += finished.usage.cached_tokens
        self._stats.completion_tokens += finished.usage.completion_tokens
        self._running.pop(answer.id, None)
        self._emit([finished])
        self._admit()

    async def _to_end(self, answer: Answer) -> Finished:
        """Ask until the answer has ended. A cut is tried again for as long as the upstream's patience."""
        pause, failing_since = FIRST_PAUSE, None
        while True:
            text = answer.begin_request()
            if answer.left is not None and answer.left <= 0:
                limit, now = Limit.MAX_TOKENS, time.monotonic()
                return answer.finished(FinishReason.LENGTH, now, limit=limit, stopped=True)
            before = answer.progress
            try:
                await self._request(answer, text)
                return answer.ended_by_upstream(time.monotonic())
            except RefusedError as error:
                code = ErrorCode.CONTEXT_OVERFLOW if error.is_overflow else None
                return self._failed(answer, f"the model's server refuses: {error}", code)
            except CutError as error:
                now = time.monotonic()
                if error.is_away:
                    self.known.lost(str(error))
                    self._lost.set()
                if answer.finish is not None:  # only the usage is missing
                    return answer.ended_by_upstream(now)
                if answer.progress > before:
                    pause, failing_since = FIRST_PAUSE, None
                failing_since = failing_since or now
                if answer.has_calls or (answer.has_text and not answer.kind.continues):
                    return self._failed(answer, f"the model's server broke off: {error}")
                wait = max(pause, error.retry_after)
                if now + wait - failing_since > self.known.address.patience:
                    return self._failed(answer, f"the model's server can't be used: {error}")
            await asyncio.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _request(self, answer: Answer, text: str) -> None:
        """Send one request and read its stream. Raises RefusedError and CutError."""
        assert self._line
        rendered = None
        if needs_template(answer.kind, answer.asked, text):
            found = await self._line.read("POST", TEMPLATE_PATH, template_body(answer.asked))
            rendered = found.get("prompt") if isinstance(found, dict) else None
            if not isinstance(rendered, str):
                raise RefusedError(f"{TEMPLATE_PATH} has no prompt")
        wanted = ask(answer.kind, answer.asked, text, answer.left, rendered)
        self._open.add(answer.id)
        try:
            async with self._line.stream(wanted.path, wanted.body) as stream:
                self.known.reached()
                self._emit(answer.on_head(time.monotonic()))
                await self._read(answer, stream, wanted.form)
            if answer.finish is None:
                raise CutError("it ended the answer without a reason")
        except UpstreamError:
            self._open.discard(answer.id)
            raise
        finally:
            self._emit(answer.on_end(time.monotonic()))

    async def _read(self, answer: Answer, stream: Stream, form: Form) -> None:
        assert self._line
        while (events := await stream.read()) is not None:
            now = time.monotonic()
            for data in events:
                if data == DONE:
                    return
                try:
                    delta = read_chunk(form, data, answer.asked.top_logprobs)
                except (msgspec.MsgspecError, ValueError):
                    raise RefusedError("it sends something that is no answer of this API") from None
                if delta.error:
                    said = self._line.scrubbed(delta.error)
                    raise RefusedError(said, is_overflow=delta.overflow) if delta.refused else CutError(said)
                self._emit(answer.on_delta(delta, now))
            stream.writing = stream.writing or answer.is_writing
            if form == "native" and answer.finish is not None:
                return

    def _failed(self, answer: Answer, text: str, code: ErrorCode | None = None) -> Finished:
        finished = answer.finished(FinishReason.FAILED, time.monotonic(), error=text, stopped=False)
        return replace(finished, code=code)

    async def _stopped(self, answer: Answer) -> Finished:
        """Return the end of a cancelled or interrupted answer. Its connection is closed already."""
        if answer.cancel_received is None:
            return answer.finished(FinishReason.INTERRUPTED, time.monotonic(), stopped=False)
        stopped = self.known.confirms_stop and (answer.id not in self._open or await self._has_stopped())
        return answer.finished(FinishReason.CANCELLED, time.monotonic(), stopped=stopped)

    async def _has_stopped(self) -> bool:
        assert self._line
        return await has_stopped(self._line, self._wanted, self._closing, self.known.address.patience)

    def _wanted(self) -> int:
        """Return the number of requests that the upstream should compute."""
        return sum(id in self._open and each.cancel_received is None for id, (each, _) in self._running.items())

    # An upstream that can't be reached

    async def _watch(self) -> None:
        """Ask an upstream that can't be reached again, until it can."""
        pause = FIRST_LOOK
        while True:
            if self.known.error is None:
                pause = FIRST_LOOK
                self._lost.clear()
                await self._lost.wait()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK)
            try:
                await self.known.ask_again()
            except UpstreamError:
                continue
            except Exception:
                logger.exception("an upstream could not be asked")
