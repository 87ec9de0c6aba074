"""The HTTP requests for one answer after another: retries, the end, and Stop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Final

import msgspec

from protocol.errors import ErrorCode
from server.engine.base import Finished, FinishReason, Limit
from server.writers.upstream.answer import Answer
from server.writers.upstream.chunks import DONE, read_chunk
from server.writers.upstream.deliveries import Deliveries
from server.writers.upstream.free_slots import has_stopped
from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.upstream.line import CutError, Line, RefusedError, Stream, UpstreamError
from server.writers.upstream.prompt_size import rendered
from server.writers.upstream.request_body import Form, ask, needs_template

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
"""Pauses before another try, in seconds; each is twice the one before."""


class AnswerRequests:
    """Asks one upstream for answers, on its writer's loop. Owns the set of those that it may be computing.

    Sets ``lost`` when the upstream can't be reached. ``closing`` ends the wait for the confirmation of a Stop.
    """

    def __init__(
        self,
        line: Line,
        known: KnownUpstream,
        deliveries: Deliveries,
        lost: asyncio.Event,
        closing: asyncio.Event,
    ) -> None:
        self._line = line
        self._known = known
        self._deliveries = deliveries
        self._lost = lost
        self._closing = closing
        self._open: dict[str, Answer] = {}
        """Answers whose request is open, or may still be computed by the upstream."""

    async def finished(self, answer: Answer) -> Finished:
        """Deliver the updates of an answer, and return its last one, also when the task is cancelled."""
        try:
            return await self._to_end(answer)
        except asyncio.CancelledError:
            return await self._stopped(answer)
        finally:
            self._open.pop(answer.id, None)
            self._deliveries.rest.forget(answer.id)

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
                    self._known.lost(str(error))
                    self._lost.set()
                if answer.finish is not None:  # only the usage is missing
                    return answer.ended_by_upstream(now)
                if answer.progress > before:
                    pause, failing_since = FIRST_PAUSE, None
                failing_since = failing_since or now
                if answer.has_calls or (answer.has_text and not answer.kind.continues):
                    return self._failed(answer, f"the model's server broke off: {error}")
                wait = max(pause, error.retry_after)
                if now + wait - failing_since > self._known.address.patience:
                    return self._failed(answer, f"the model's server can't be used: {error}")
                self._deliveries.add(answer.on_cut(error.upstream))
            await asyncio.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _request(self, answer: Answer, text: str) -> None:
        """Send one request and read its stream. Raises RefusedError and CutError."""
        prompt = None
        if needs_template(answer.kind, answer.asked, text):
            prompt = await rendered(self._line, answer.asked)
        wanted = ask(answer.kind, answer.asked, text, answer.left, prompt)
        self._open[answer.id] = answer
        self._deliveries.rest.hurry(answer.id)
        try:
            aside = answer.kind.answers_aside
            async with self._line.stream(wanted.path, wanted.body, answers_aside=aside) as stream:
                self._known.reached()
                self._deliveries.add(answer.on_head(time.monotonic()))
                await self._read(answer, stream, wanted.form)
            if answer.finish is None:
                raise CutError("it ended the answer without a reason")
        except UpstreamError:
            self._open.pop(answer.id, None)
            self._deliveries.rest.forget(answer.id)
            raise
        finally:
            self._deliveries.add(answer.on_end(time.monotonic()))

    async def _read(self, answer: Answer, stream: Stream, form: Form) -> None:
        before = answer.progress
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
                self._deliveries.add(answer.on_delta(delta, now))
            if answer.progress > before:
                if not stream.writing:
                    stream.begin_writing()
                self._deliveries.rest.allow(answer.id, answer.left)
            if form == "native" and answer.finish is not None:
                return

    def _failed(self, answer: Answer, text: str, code: ErrorCode | None = None) -> Finished:
        finished = answer.finished(FinishReason.FAILED, time.monotonic(), error=text, stopped=False)
        return replace(finished, code=code)

    async def _stopped(self, answer: Answer) -> Finished:
        """Return the end of a cancelled or interrupted answer. Its connection is closed already."""
        if answer.cancel_received is None:
            return answer.finished(FinishReason.INTERRUPTED, time.monotonic(), stopped=False)
        self._deliveries.rest.hurry(answer.id)
        stopped = self._known.confirms_stop and (answer.id not in self._open or await self._has_stopped())
        return answer.finished(FinishReason.CANCELLED, time.monotonic(), stopped=stopped)

    async def _has_stopped(self) -> bool:
        return await has_stopped(self._line, self._wanted, self._closing, self._known.address.patience)

    def _wanted(self) -> int:
        """Return the number of requests that the upstream should compute."""
        return sum(each.cancel_received is None for each in self._open.values())
