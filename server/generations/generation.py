"""One generation as the server sees it: its request, its state, its log, and who watches it."""

from __future__ import annotations

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
from server.engine.base import Choice, Finished, Piece, Prefill, Queued, TokenLogprob, Update
from server.generations.entries import Broken
from server.generations.log import GenerationLog, Wake
from server.generations.ownership import owner_of
from server.logs import context
from server.writers import truncation

WAITING = (GenerationState.QUEUED, GenerationState.LOADING)
"""States in which a place in the queue means something."""

DEFAULT_ON_DETACH_MS = 30_000
SPEED_INTERVAL = 0.25
"""Seconds between two reports of tokens per second."""

PIECE_BYTES = 72
"""What Python needs for a piece of text beyond the text itself."""

CHOICE_BYTES = 200
"""The same for a token with its logprob."""


class Generation:
    """Owned by the registry, on the event loop. Readers read ``log``, ``status`` and ``state``, and change nothing."""

    def __init__(
        self,
        key: str,
        epoch: str,
        body: Generate,
        position: int,
        *,
        dropped: int = 0,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        received: float = 0.0,
    ) -> None:
        self.key = key
        """What engine and journal call it; its owner and ``id`` are in it."""
        self.principal, id = owner_of(key)
        self.body = body
        self.dropped = dropped
        """How many messages of the dialogue the prompt leaves out, as `accepted` tells."""
        asked = (body.prompt or "", body.content or "", *(message.content for message in body.messages or ()))
        self._asked = sum(map(len, asked))
        self.log = GenerationLog(id, epoch)
        self.state = GenerationState.QUEUED
        self.status = Status(id=id, state=self.state, position=position)
        """The newest status, replaced as a whole when it changes."""
        self.cancel_received: float | None = None
        self.received = received
        """When the request came, in ``time.monotonic()`` seconds."""
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        """How many tokens the engine has computed, as of the newest piece."""
        self.broken: Broken | None = None
        """Its end, where a fault in the server ends it: from then on the engine's updates are ignored."""
        self.watchers: list[Wake] = []
        self.origin = context()
        """What the request belongs to, for the log."""
        self.last_piece: float | None = None
        """When the newest piece came into the log, in ``time.monotonic()`` seconds."""
        self._decode_started = 0.0
        self._decode_first = 0
        """How many tokens the answer had when this server began to write."""
        self._speed_told = 0.0

    @property
    def id(self) -> str:
        return self.log.id

    @property
    def position(self) -> int:
        """How many generations have to end before this one starts."""
        return self.status.position or 0

    @property
    def on_detach_ms(self) -> int | None:
        """How long it goes on while nobody watches, in milliseconds; None: to its end (PROTOCOL 6.5)."""
        return _on_detach_ms(self.body)

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return self._asked + self.log.size + self.log.pieces * PIECE_BYTES + self.log.choices * CHOICE_BYTES

    def is_for(self, body: Generate) -> bool:
        """Whether ``body`` asks for this generation: all fields equal, one left out being its default (4.2)."""
        return _without_detach(self.body) == _without_detach(body) and self.on_detach_ms == _on_detach_ms(body)

    def apply(self, update: Update, now: float) -> None:
        """Take in what the engine brought, as of ``now`` (``time.monotonic()`` seconds)."""
        match update:
            case Queued(position=position, eta_ms=eta_ms) if self.state in WAITING:
                self.status = Status(id=self.id, state=self.state, position=position, eta_ms=eta_ms)
            case Prefill(done=done, total=total):
                self._enter(GenerationState.PREFILL, GenerationEvent.READ)
                self.status = Status(id=self.id, state=self.state, done=done, total=total)
            case Piece():
                self._take_piece(update, now)
            case Finished():
                self.end(update)

    def end(self, finished: Finished) -> None:
        """Write the last event of the log."""
        done = self._done(finished)
        self.state = advance(GENERATION, self.state, GenerationEvent.END)
        self.log.finish(done)

    def write(self, text: str, choices: tuple[Choice, ...], arrived: float = nan) -> None:
        """Append a piece to the log, with the logprobs of its tokens where they were asked for.

        ``arrived`` is in ``time.monotonic()`` seconds; NaN for a piece of an earlier server.
        """
        self.log.append(text, tuple(map(_logprob, choices)), arrived)

    def _take_piece(self, piece: Piece, now: float) -> None:
        if self.state is not GenerationState.DECODE:
            self._enter(GenerationState.DECODE, GenerationEvent.WRITE)
            self._decode_started = self._speed_told = now
            self._decode_first = piece.completion_tokens
            self.status = Status(id=self.id, state=self.state)
        elif now - self._speed_told >= SPEED_INTERVAL:
            self._speed_told = now
            speed = (piece.completion_tokens - self._decode_first) / (now - self._decode_started)
            self.status = Status(id=self.id, state=self.state, tokens_per_second=round(speed, 1))
        self.write(piece.text, piece.choices, now)
        self.completion_tokens = piece.completion_tokens

    def _enter(self, state: GenerationState, event: GenerationEvent) -> None:
        if self.state is not state:
            self.state = advance(GENERATION, self.state, event)

    def _done(self, finished: Finished) -> Done:
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
            error=ErrorInfo(code=ErrorCode.ENGINE_FAILED, message=finished.error) if finished.error else None,
        )


def _logprob(choice: Choice) -> ChosenLogprob:
    top = tuple(Logprob(token=text, logprob=value, bytes=raw) for text, value, raw in map(_told, choice.top))
    text, value, raw = _told(choice.chosen)
    return ChosenLogprob(token=text, logprob=value, bytes=raw, top_logprobs=top)


def _told(token: TokenLogprob) -> tuple[str, float, tuple[int, ...] | None]:
    """The token's text and logprob, and its bytes where they are no whole code points."""
    try:
        return token.piece.decode(), round(token.logprob, 6), None
    except UnicodeDecodeError:
        return token.piece.decode("utf-8", "replace"), round(token.logprob, 6), tuple(token.piece)


def _on_detach_ms(body: Generate) -> int | None:
    if body.on_detach_ms is UNSET:
        return DEFAULT_ON_DETACH_MS if body.conversation is None else None
    return body.on_detach_ms


def _without_detach(body: Generate) -> Generate:
    return replace(body, id=None, on_detach_ms=UNSET, truncation=body.truncation or truncation.default(body))


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
