"""The writer over an upstream: a thread with an event loop, a queue, retries and Stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any, Final

from protocol.errors import ErrorCode
from protocol.messages import Generate
from server.engine.base import (
    EngineDeadError,
    EngineStats,
    Finished,
    FinishReason,
    GenerationRequest,
    Listener,
    ModelError,
)
from server.engine.sampling_params import SamplingParams
from server.logs import described
from server.writers.endings import ended
from server.writers.model_choice import named_model
from server.writers.request_errors import refusal
from server.writers.upstream.answer import Answer
from server.writers.upstream.answer_requests import AnswerRequests
from server.writers.upstream.asked import asked_of, read_asked
from server.writers.upstream.call_marks import BEGIN as CALL
from server.writers.upstream.deliveries import Deliveries
from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.upstream.line import Line
from server.writers.upstream.measuring import Measuring
from server.writers.upstream.upstream import UpstreamFacts
from server.writers.upstream.waiting import PositionReports, Waiting
from server.writers.upstream.watching import watch
from server.writers.upstream.without_tokens import WithoutTokens
from server.writers.writer_port import Facts, Prepared, PromptSize, ServedModel, TemplateOrigin

ENDED: Final = "the connection to the model's server has ended; restart the server"

ASK_SECONDS: Final = 300.0
"""Time limit for all questions about one prompt, in seconds. Each request has its own of 30 s."""

logger = logging.getLogger(__name__)


class UpstreamWriter(WithoutTokens):
    """Owns the thread, its loop and the connections. All private methods run on that thread."""

    def __init__(self, known: KnownUpstream) -> None:
        self.known = known
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="upstream", daemon=True)
        self._stats = EngineStats(slots=known.slots)
        self._deliveries = Deliveries(self._loop)
        self._waiting = Waiting()
        self._positions = PositionReports(self._loop, self._waiting, self._running_of, self._deliveries.add)
        self._running: dict[str, tuple[Answer, asyncio.Task[None]]] = {}
        self._closing = asyncio.Event()
        self._lost = asyncio.Event()
        self._requests: AnswerRequests | None = None
        self._line: asyncio.Future[Line] = self._loop.create_future()
        self._measuring = Measuring(known, self._ask)

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
        self._deliveries.listener, self.known.models_changed = listener, models_changed
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
        body, dropped = self._measuring.shortened(body, model, written)
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
        return Prepared(request, dropped)

    def measure(self, body: Generate, written: str) -> PromptSize:
        return self._measuring.measure(body, named_model(body, self.models), written)

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
        running, queued, steps = len(self._running), len(self._waiting), self._deliveries.count
        return replace(self._stats, alive=alive, running=running, queued=queued, steps=steps)

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
            self._deliveries.rest.end()
        except RuntimeError:
            raise EngineDeadError(ENDED) from None

    def _ask(self, question: Callable[[Line], Awaitable[Any]]) -> Any:
        """Ask the upstream on the loop, from a worker thread. Raises UpstreamError and EngineDeadError."""

        async def asked() -> Any:
            return await question(await asyncio.shield(self._line))

        work = asked()
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._deliveries.rest.end()
            return future.result(ASK_SECONDS)
        except (CancelledError, RuntimeError, TimeoutError):
            work.close()
            raise EngineDeadError(ENDED) from None

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        address = self.known.address
        line = Line(address.url, address.key, silence=address.silence)
        self._line.set_result(line)
        self._requests = AnswerRequests(line, self.known, self._deliveries, self._lost, self._closing)
        watching = self._loop.create_task(watch(self.known, self._lost), name="watch")
        try:
            await self._closing.wait()
            watching.cancel()
            for answer in self._waiting:
                self._drop(answer, FinishReason.INTERRUPTED)
            for answer, task in list(self._running.values()):
                if answer.cancel_received is None:
                    self._interrupt(answer, task)
            await asyncio.gather(*(task for _, task in self._running.values()), return_exceptions=True)
        finally:
            await line.close()
            self._deliveries.flush()

    # The queue

    def _add(self, answer: Answer) -> None:
        if self._closing.is_set():
            self._deliveries.add([answer.finished(FinishReason.INTERRUPTED, time.monotonic(), stopped=True)])
            return
        self._waiting.add(answer)
        self._admit()

    def _admit(self) -> None:
        """Start the next answers, and report the positions of the others."""
        while self._waiting and len(self._running) < self.slots and not self._closing.is_set():
            answer = self._waiting.take(self._running_of())
            self._running[answer.id] = answer, self._loop.create_task(self._write(answer), name="answer")
        self._positions.queue_changed()

    def _running_of(self) -> Counter[str]:
        """Return the number of running answers of each principal."""
        return Counter(answer.principal for answer, _ in self._running.values())

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
            self._deliveries.add([answer.finished(reason, time.monotonic(), stopped=self.known.confirms_stop)])
            self._admit()

    def _drop(self, answer: Answer, reason: FinishReason) -> None:
        self._waiting.remove(answer)
        self._deliveries.add([answer.finished(reason, time.monotonic(), stopped=self.known.confirms_stop)])

    async def _write(self, answer: Answer) -> None:
        assert self._requests
        answer.has_begun = True
        try:
            finished = await self._requests.finished(answer)
        except Exception as error:
            logger.exception("an answer of the upstream failed")
            text = f"a fault in the server ended this answer ({described(error)}); ask again"
            finished = answer.finished(FinishReason.FAILED, time.monotonic(), error=text, stopped=False)
        self._stats.prompt_tokens += finished.usage.prompt_tokens
        self._stats.cached_tokens += finished.usage.cached_tokens
        self._stats.completion_tokens += finished.usage.completion_tokens
        self._running.pop(answer.id, None)
        self._deliveries.add([finished])
        self._admit()
