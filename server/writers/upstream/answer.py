"""One answer that an upstream writes: its progress over all requests for it, as the updates of its log."""

from __future__ import annotations

import time
from collections.abc import Iterator

from server.engine.base import (
    Choice,
    Delayed,
    EngineTimings,
    EngineUsage,
    Finished,
    FinishReason,
    GenerationRequest,
    Limit,
    Phase,
    Piece,
    Prefill,
    Update,
    UpstreamState,
)
from server.writers.upstream.asked import Asked
from server.writers.upstream.call_marks import BEGIN, CallMarks
from server.writers.upstream.chunks import Delta, Used
from server.writers.upstream.kinds import Kind
from server.writers.upstream.seam import Seam
from server.writers.upstream.thought_marks import ThoughtMarks

FAILURES = {
    "content_filter": "the model's server ended this answer by its content filter",
    "tool_calls": "the model called a function, and none were given; ask again",
    "error": "the model's server ended this answer with an error; ask again",
    "abort": "the model's server ended this answer early; ask again",
}
"""Sentence for each finish_reason that is a failure."""


class Answer:
    """Owned by the upstream writer's loop. Times are ``time.monotonic()`` seconds.

    ``now`` in a method's arguments is such a time. Chunks with text count as one token each until the upstream's usage
    is there.
    """

    def __init__(self, request: GenerationRequest, asked: Asked, kind: Kind) -> None:
        self.id = request.id
        self.principal = request.principal
        self.asked = asked
        self.kind = kind
        self.cancel_received: float | None = None
        self.has_begun = False
        """True once its task runs."""
        self.finish: str | None = None
        """OpenAI's finish_reason; None until the upstream has ended the answer."""
        self._request = request
        self._text = "".join(request.text)
        self._before = self._count = len(request.text)
        """Tokens before this HTTP request, and with it."""
        self._seam = Seam("", echoes=False)
        self._marks = ThoughtMarks()
        self._calls = CallMarks()
        self._choices: list[Choice] = []
        """Logprobs of tokens whose text is still held back by the upstream."""
        self._used: Used | None = None
        self._prompt: int | None = None
        """Tokens of the prompt, from the progress of the first request."""
        self._delay: UpstreamState | None = None
        """Newest reported state of the upstream; None while it does what it should."""
        self._started: float | None = None
        self._read: float | None = None
        self._first: float | None = None
        self._last: float | None = None

    @property
    def has_text(self) -> bool:
        return bool(self._text)

    @property
    def has_calls(self) -> bool:
        """True once a call of a function has begun. No other request can continue such an answer."""
        return bool(self.asked.tools) and (self._calls.count > 0 or BEGIN.strip() in self._text)

    @property
    def progress(self) -> int:
        """Length of its text, in characters."""
        return len(self._text)

    @property
    def left(self) -> int | None:
        """Tokens that it may still have; None without a limit."""
        limit = self.asked.params.max_tokens
        return None if limit is None else limit - self._count

    def begin_request(self) -> str:
        """Begin another HTTP request. Returns the text to continue, that of an ended answer included."""
        self._started = self._started or time.monotonic()
        whole = self.asked.written + self._text
        self._seam = Seam(whole, echoes=self.kind.echoes and bool(whole))
        self._marks = ThoughtMarks(whole)
        self._before, self._used, self._choices = self._count, None, []
        return self._seam.sent

    def on_head(self, now: float) -> Iterator[Update]:
        """Report that the upstream has accepted the request."""
        if self._first is not None:
            yield from self._delayed("reading")
        elif self._read is None or self._delay is not None:
            self._read, self._delay = self._read or now, None
            yield Prefill(self.id, 0, 0)

    def on_cut(self, upstream: UpstreamState) -> Iterator[Update]:
        """Report the state of the upstream, because of which it will be asked again."""
        yield from self._delayed(upstream)

    def _delayed(self, upstream: UpstreamState) -> Iterator[Update]:
        if self._delay != upstream:
            self._delay = upstream
            yield Delayed(self.id, upstream)

    def on_delta(self, delta: Delta, now: float) -> Iterator[Update]:
        """Yield the updates of one chunk."""
        if delta.read is not None and self._first is None:
            if not self._before:
                self._prompt = delta.read[1]
            yield Prefill(self.id, *delta.read)
        self._choices += delta.choices
        if text := self._text_of(delta):
            self._count += bool(delta.reasoning or delta.text or delta.calls)
            yield from self._piece(self._seam.fed(text), now)
        self._used = delta.used or self._used
        self.finish = delta.finish or self.finish

    def _text_of(self, delta: Delta) -> str:
        """Return the text of one chunk, with the marks of thoughts and calls."""
        text = self._marks.text(delta.reasoning, delta.text)
        text = (self._calls.end() + text if text else "") + self._calls.text(delta.calls)
        return text + (self._calls.end() if delta.finish and delta.finish != "length" else "")

    def on_end(self, now: float) -> Iterator[Update]:
        """Report the text that was held back, since the stream has ended, in order or not."""
        yield from self._piece(self._seam.ended(), now)

    def finished(
        self, reason: FinishReason, now: float, *, error: str | None = None, limit: Limit | None = None, stopped: bool
    ) -> Finished:
        """Return its last update. ``stopped``: it is known that the upstream has stopped computing."""
        cancelled = self.cancel_received if reason is FinishReason.CANCELLED and stopped else None
        received, started = self._request.received, self._started or now
        return Finished(
            self.id,
            reason,
            self._phase,
            self._usage(),
            EngineTimings(
                queued=_ms(received, started),
                prefill=None if self._read is None else _ms(started, self._first or now),
                first_token=None if self._first is None else _ms(received, self._first),
                decode=None if self._first is None or self._last is None else _ms(self._first, self._last),
                total=_ms(received, now),
                stop=None if cancelled is None else _ms(cancelled, now),
            ),
            error,
            limit,
        )

    def ended_by_upstream(self, now: float) -> Finished:
        """Return the last update of an answer with a finish_reason."""
        error = None if self.finish == "tool_calls" and self.asked.tools else FAILURES.get(self.finish or "")
        if self.asked.forced and self.finish != "length" and not self.has_calls:
            error = "the model called no function, though one was required; ask again"
        if error:
            return self.finished(FinishReason.FAILED, now, error=error, stopped=True)
        if self.finish != "length":
            return self.finished(FinishReason.STOP, now, stopped=True)
        most = self.asked.params.max_tokens
        at_limit = most is not None and self._usage().completion_tokens >= most
        limit = Limit.MAX_TOKENS if at_limit else Limit.CONTEXT
        return self.finished(FinishReason.LENGTH, now, limit=limit, stopped=True)

    def _piece(self, text: str, now: float) -> Iterator[Piece]:
        if text:
            choices, self._choices = tuple(self._choices), []
            self._first, self._last, self._delay = self._first or now, now, None
            self._text += text
            yield Piece(self.id, text, self._count, (), choices)

    @property
    def _phase(self) -> Phase:
        if self._first is not None or self._request.text:
            return Phase.DECODE
        return Phase.QUEUED if self._read is None else Phase.PREFILL

    def _usage(self) -> EngineUsage:
        used, before = self._used, self._before
        if used is None:
            return EngineUsage(
                prompt_tokens=self._prompt or 0, cached_tokens=0, completion_tokens=self._count, counted=True
            )
        prompt = used.prompt if not before else self._prompt or max(0, used.prompt - before)
        return EngineUsage(
            prompt_tokens=prompt,
            cached_tokens=min(used.cached, prompt),
            completion_tokens=before + used.completion,
            counted=before > 0,
        )


def _ms(start: float, end: float) -> float:
    return max(0.0, (end - start) * 1000)
