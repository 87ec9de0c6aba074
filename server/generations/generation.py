"""One generation in the server: its request, state, log and readers."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncGenerator, Callable
from hashlib import sha256
from math import nan

from msgspec import UNSET
from msgspec.structs import replace

from protocol.errors import ErrorCode
from protocol.messages import (
    ChosenLogprob,
    Done,
    DoneReason,
    ErrorInfo,
    Generate,
    GenerationState,
    Logprob,
    Status,
    Timings,
    Usage,
)
from protocol.states import GENERATION, GenerationEvent, advance
from protocol.tuned import from_json
from server.engine.base import (
    Choice,
    Delayed,
    Finished,
    GenerationRequest,
    Instruction,
    Loading,
    Piece,
    Prefill,
    PromptMade,
    Queued,
    SamplingParams,
    Steered,
    Tuned,
    Update,
)
from server.generations.answer_tokens import TOKEN_BYTES, AnswerTokens
from server.generations.entries import Broken, Fork, Written
from server.generations.log import Event, GenerationLog, Wake
from server.generations.ownership import owner_of
from server.logs import context
from server.writers import truncation

WAITING = (GenerationState.QUEUED, GenerationState.LOADING)
"""States in which a generation has a queue position."""

DEFAULT_ON_DETACH_MS = 30_000
SPEED_INTERVAL = 0.25
"""Interval between two reports of tokens per second, in seconds."""

PIECE_BYTES = 72
"""Memory per piece of text beyond the text itself, in bytes."""

CHOICE_BYTES = 200
"""Memory per token with a logprob, in bytes."""


class Generation:
    """Owned by the registry, on the event loop. Readers only read ``log``, ``status`` and ``state``."""

    def __init__(
        self,
        key: str,
        epoch: str,
        body: Generate,
        position: int,
        *,
        model: str = "",
        dropped: int = 0,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        received: float = 0.0,
        note: str = "",
        fork: Fork | None = None,
        identity: str = "",
    ) -> None:
        self.key = key
        """Key in the engine and the journal; combines the principal and ``id``."""
        self.principal, id = owner_of(key)
        self.body = body
        self.model = model
        """Name of the model that writes it."""
        self.identity = identity
        """Identity of that model, whose tokens ``prompt`` and ``tokens`` have."""
        self.form = fork.form if fork else body
        """The `generate` that the answer has its form from: of a fork, that of the first answer."""
        self.fork = fork
        """Beginning of an answer that continues from a place of another one; None for all others."""
        self.prompt = array("i")
        """Tokens of the prompt; empty while it is unknown."""
        self.tokens = AnswerTokens()
        self.sampling: SamplingParams | None = None
        """Sampling parameters of the start; of a fork, those of the first answer's start."""
        self.opened = ""
        """As in GenerationRequest."""
        self.dropped = dropped
        """Number of messages that the prompt leaves out; 0 until the prompt is made."""
        turns = [turn.content for turn in body.messages or ()] + [result.content for result in body.results or ()]
        asked = (body.prompt or "", body.content or "", *turns)
        self.note = note
        """Text kept with the generation, also in the journal, for the code that started it."""
        self._request_size = sum(map(len, asked)) + len(note)
        functions = () if body.tool_choice == "none" else {tool.function.name for tool in body.tools}
        self.log = GenerationLog(id, epoch, functions)
        self.state = GenerationState.QUEUED
        self.status = Status(id=id, state=self.state, position=position)
        """The newest status, replaced as a whole on each change."""
        self.cancel_received: float | None = None
        self.received = received
        """Receipt of the request, in ``time.monotonic()`` seconds."""
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        """Tokens that the engine has computed, as of the newest piece."""
        self.broken: Broken | None = None
        """End after a fault in the server; once set, the engine's updates are ignored."""
        self.watchers: list[Wake] = []
        self.on_watchers_changed: Callable[[Generation], None] = lambda generation: None
        """Called when a reader comes or leaves. The registry's Expiry owns the timer that counts ``on_detach_ms``."""
        self.origin = context()
        """Fields for the server's log: the connection or request that started it."""
        self.last_piece: float | None = None
        """Time of the newest piece, in ``time.monotonic()`` seconds."""
        self._decode_started = 0.0
        self._decode_first = 0
        """Tokens that the answer had when this server started to write."""
        self._speed_sent = 0.0

    @property
    def id(self) -> str:
        return self.log.id

    @property
    def position(self) -> int:
        """Number of generations that must end before this one starts."""
        return self.status.position or 0

    @property
    def on_detach_ms(self) -> int | None:
        """Time for which it continues without readers, in milliseconds; None: to its end (PROTOCOL 6.5)."""
        tuned = self.log.tuned
        if tuned is None or tuned.on_detach_ms is UNSET:
            return _on_detach_ms(self.body)
        return tuned.on_detach_ms

    @property
    def size(self) -> int:
        """Approximate memory use, in bytes."""
        return (
            self._request_size
            + self.log.size
            + self.log.aside
            + self.log.pieces * PIECE_BYTES
            + self.log.choices * CHOICE_BYTES
            + len(self.prompt) * TOKEN_BYTES
            + self.tokens.size
        )

    def watch(self, wake: Wake) -> None:
        """Call ``wake`` whenever there are new events, until ``unwatch``."""
        self.watchers.append(wake)
        self.on_watchers_changed(self)

    def unwatch(self, wake: Wake) -> None:
        """Stop calling ``wake``. Without readers, ``on_detach_ms`` starts to count."""
        self.watchers.remove(wake)
        self.on_watchers_changed(self)

    async def events(self, after: int) -> AsyncGenerator[Event, None]:
        """Yield the log's events after number ``after`` as they come, up to `done`.

        Text that is there already comes in one event. The generation is watched from the first event that is asked for
        until the iterator is closed: use contextlib.aclosing where a loop may end before `done`.
        """
        news = asyncio.Event()
        self.watch(news.set)
        try:
            while True:
                news.clear()
                for event in self.log.events(after):
                    after = event.seq
                    yield event
                    if isinstance(event, Done):
                        return
                await news.wait()
        finally:
            self.unwatch(news.set)

    def is_for(self, body: Generate) -> bool:
        """Tell whether ``body`` requests this generation: all fields equal, after filling in defaults (4.2)."""
        return _without_detach(self.body) == _without_detach(body) and _on_detach_ms(self.body) == _on_detach_ms(body)

    def apply(self, update: Update, now: float) -> None:
        """Apply an update of the engine, as of ``now`` (``time.monotonic()`` seconds)."""
        match update:
            case Piece():
                self._apply_piece(update, now)
            case Queued(position=position, eta_ms=eta_ms) if self.state in WAITING:
                self._enter(GenerationState.QUEUED, GenerationEvent.WAIT)
                self.status = Status(id=self.id, state=self.state, position=position, eta_ms=eta_ms)
            case Loading(done=done, total=total):
                self._enter(GenerationState.LOADING, GenerationEvent.LOAD)
                self.status = Status(id=self.id, state=self.state, done=done, total=total)
            case PromptMade(request=request, identity=identity, dropped=dropped):
                self.prompt_tokens, self.dropped, self.identity = len(request.prompt), dropped, identity
                self.requested(request)
            case Prefill(done=done, total=total):
                self._enter(GenerationState.PREFILL, GenerationEvent.READ)
                read = (done, total) if total else (None, None)
                self.status = Status(
                    id=self.id, state=self.state, done=read[0], total=read[1], dropped=self.dropped or None
                )
            case Delayed(upstream=upstream):
                self.status = Status(
                    id=self.id,
                    state=self.state,
                    position=self.status.position if self.state in WAITING else None,
                    dropped=self.dropped or None,
                    upstream=upstream,
                )
            case Steered(instruction=instruction, tokens=tokens, completion_tokens=count):
                self.log.steer(instruction.content, now)
                self.tokens.add(tokens, instruction)
                self.completion_tokens = count
            case Tuned(asked=asked, tokens=tokens):
                self.log.tune(from_json(asked), now)
                self.tokens.add(tokens)
            case Finished():
                self.end(update)

    def end(self, finished: Finished) -> None:
        """Append the last event of the log."""
        done = self._done(finished)
        self.state = advance(GENERATION, self.state, GenerationEvent.END)
        self.log.finish(done)

    def requested(self, request: GenerationRequest) -> None:
        """Keep what others need to continue from a place of this answer."""
        self.prompt, self.opened = array("i", request.prompt), request.opened
        self.sampling = (self.fork and self.fork.sampling) or request.sampling

    def write(self, text: str, choices: tuple[Choice, ...], arrived: float = nan, tokens: tuple[int, ...] = ()) -> None:
        """Append a piece of these tokens to the log, with their logprobs where they were asked for.

        ``arrived`` is in ``time.monotonic()`` seconds; NaN for a piece of an earlier server.
        """
        self.log.append(text, tuple(map(_logprob, choices)), arrived)
        self.tokens.add(tokens)

    def rewrite(self, written: Written) -> None:
        """Append an event of an earlier server, or of the answer that this one continues from."""
        if written.instruction is not None:
            self.log.steer(written.instruction)
            self.tokens.add(written.tokens, written.read or Instruction(written.instruction, ()))
        elif written.tuned is not None:
            self.log.tune(written.tuned)
            self.tokens.add(written.tokens)
        else:
            self.write(written.text, written.choices, tokens=written.tokens)

    def events_before(self, seq: int) -> tuple[Written, ...]:
        """Return the events before number ``seq``, without logprobs."""
        entries = zip(range(1, seq), self.log.written(), strict=False)
        return tuple(
            Written(
                entry.text, (), entry.instruction, entry.tuned, self.tokens.of(number), self.tokens.instruction(number)
            )
            for number, entry in entries
        )

    def _apply_piece(self, piece: Piece, now: float) -> None:
        if self.state is not GenerationState.DECODE or self.status.upstream is not None:
            self._enter(GenerationState.DECODE, GenerationEvent.WRITE)
            self._decode_started = self._speed_sent = now
            self._decode_first = piece.completion_tokens
            self.status = Status(id=self.id, state=self.state, dropped=self.dropped or None)
        elif now - self._speed_sent >= SPEED_INTERVAL:
            self._speed_sent = now
            speed = (piece.completion_tokens - self._decode_first) / (now - self._decode_started)
            self.status = Status(
                id=self.id, state=self.state, tokens_per_second=round(speed, 1), dropped=self.dropped or None
            )
        self.write(piece.text, piece.choices, now, piece.tokens)
        self.completion_tokens = piece.completion_tokens

    def _enter(self, state: GenerationState, event: GenerationEvent) -> None:
        if self.state is not state:
            self.state = advance(GENERATION, self.state, event)

    def _done(self, finished: Finished) -> Done:
        self.log.end_text()
        usage, timings, text = finished.usage, finished.timings, self.log.text
        return Done(
            id=self.id,
            seq=self.log.pieces + 1,
            reason=DoneReason(finished.reason),
            phase=GenerationState(finished.phase),
            usage=Usage(
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=usage.cached_tokens,
                completion_tokens=usage.completion_tokens,
                counted=usage.counted or None,
            ),
            timings=Timings(
                total=round(timings.total, 3),
                queued=round(timings.queued, 3),
                prefill=_rounded(timings.prefill),
                first_token=_rounded(timings.first_token),
                decode=_rounded(timings.decode),
                stop=_rounded(timings.stop),
            ),
            chars=len(text),
            sha256=sha256(text.encode()).hexdigest(),
            limit=None if finished.limit is None else finished.limit.value,
            stop_string=finished.stop_string,
            error=_error(finished),
            tool_calls=self.log.tool_calls,
            content=self.log.content,
            dropped=self.dropped or None,
        )


def _error(finished: Finished) -> ErrorInfo | None:
    if finished.error is None:
        return None
    return ErrorInfo(code=finished.code or ErrorCode.ENGINE_FAILED, message=finished.error)


def _logprob(choice: Choice) -> ChosenLogprob:
    shown = (shown_token(each.piece, each.logprob) for each in choice.top)
    top = tuple(Logprob(token=text, logprob=value, bytes=raw) for text, value, raw in shown)
    text, value, raw = shown_token(choice.chosen.piece, choice.chosen.logprob)
    return ChosenLogprob(token=text, logprob=value, bytes=raw, top_logprobs=top)


def shown_token(piece: bytes, logprob: float) -> tuple[str, float, tuple[int, ...] | None]:
    """Return the text of a token and its logprob, and its bytes when they are not whole code points."""
    try:
        return piece.decode(), round(logprob, 6), None
    except UnicodeDecodeError:
        return piece.decode("utf-8", "replace"), round(logprob, 6), tuple(piece)


def _on_detach_ms(body: Generate) -> int | None:
    if body.on_detach_ms is UNSET:
        return DEFAULT_ON_DETACH_MS if body.conversation is None else None
    return body.on_detach_ms


def _without_detach(body: Generate) -> Generate:
    return replace(body, id=None, on_detach_ms=UNSET, truncation=body.truncation or truncation.default(body))


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
