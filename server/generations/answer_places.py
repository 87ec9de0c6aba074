"""Places in answers, running and ended: what the model has read up to there, and forks from there (PROTOCOL 6.12)."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Alternative, Alternatives, AlternativesRequest, ForkPoint, Generate, Params
from server.engine.base import EngineDeadError, EngineError, GenerationRequest, Likely, LikelyToken, Lookup
from server.generations.entries import Fork, Written
from server.generations.generation import Generation, shown_token
from server.writers.request_errors import refusal
from server.writers.writer_port import Prepared, Writer

RETRY_MS: Final = 1000
"""Retry delay when there was no room for a question, in milliseconds."""


class Start(NamedTuple):
    """A generation that can begin. ``fork`` and ``events``: as in Begun."""

    prepared: Prepared
    fork: Fork | None = None
    events: tuple[Written, ...] = ()


class AnswerPlaces:
    """Asks the writer about places in answers. Owns no state. All methods belong to the event loop."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def alternatives(self, generation: Generation, message: AlternativesRequest) -> Alternatives:
        """Return the likeliest tokens at a place. Cancel it when they are no longer wanted.

        Raises RemoteProtocolError: invalid_field, context_overflow, unsupported, busy, engine_failed.
        """
        try:
            self._check(generation, message.seq)
            lookup = Lookup(
                prompt=tuple(generation.prompt),
                written=generation.tokens.read_before(message.seq),
                count=message.count,
                chosen=generation.tokens.chosen_at(message.seq),
                principal=generation.principal,
                temporary=generation.body.temporary,
            )
            likely = await self._looked_up(generation.model, lookup)
        except RemoteProtocolError as error:
            error.re, error.id = "alternatives", generation.id
            raise
        return Alternatives(id=generation.id, seq=message.seq, tokens=tuple(map(_alternative, likely)))

    async def fork(self, generation: Generation, body: Generate, key: str, received: float) -> Start:
        """Return the start of the fork that ``body`` requests, with this ``key``. ``received``: a ``time.monotonic()``.

        Raises RemoteProtocolError: invalid_field, context_overflow, unsupported, engine_failed.
        """
        point = body.from_
        assert point is not None
        self._check(generation, point.seq, "from.")
        if generation.body.temporary and not body.temporary:
            text = f"temporary must be true, since generation {point.id!r}, which it continues from, is temporary"
            raise refusal(body, ErrorCode.INVALID_FIELD, text, field="temporary")
        taken = _taken(generation, point, key, received)
        events = generation.events_before(point.seq)
        changes = _changes_of_forks(generation, point.seq)
        try:
            forked = await asyncio.to_thread(self._writer.fork, body, generation.form, taken, _changed(events, changes))
        except EngineDeadError as error:
            raise refusal(body, ErrorCode.ENGINE_FAILED, str(error)) from error
        if forked.text is not None:
            events = (*events, Written(forked.text, tokens=forked.tokens))
        request = forked.request
        fork = Fork(
            form=forked.form,
            tokens=len(request.written),
            stops=request.earlier_stops,
            sampling=taken.sampling,
            changes=(*changes, (point.seq, body.params)),
        )
        return Start(Prepared(request, generation.dropped), fork, events)

    def _check(self, generation: Generation, seq: int, within: str = "") -> None:
        """Raise RemoteProtocolError if the place does not exist, or if its tokens are unknown or of another model.

        ``within``: prefix of the fields' names in the error.
        """
        if seq > generation.log.pieces + 1:
            field = f"{within}seq"
            text = f"{field} must be from 1 to {generation.log.pieces + 1}, the end of the text so far, not {seq}"
            raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=field)
        identity, model = generation.identity, generation.model
        if not generation.prompt or (generation.log.has_text and not generation.tokens):
            reason = (
                f"the tokens of generation {generation.id!r} aren't known here: its model is behind another server or "
                "still being loaded, or an earlier version of this server wrote it"
            )
        elif identity and identity != self._writer.identity(model):
            reason = f"{identity} wrote this answer, and the server no longer has this as {model}"
        else:
            return
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"{within}id: {reason}; ask anew", field=f"{within}id")

    async def _looked_up(self, model: str, lookup: Lookup) -> Likely:
        try:
            await asyncio.to_thread(self._writer.look_up, model, lookup)
            return await asyncio.wrap_future(lookup.answer)
        except EngineDeadError as error:
            raise RemoteProtocolError(ErrorCode.ENGINE_FAILED, str(error)) from error
        except EngineError as error:
            raise RemoteProtocolError(ErrorCode.BUSY, str(error), retry_after_ms=RETRY_MS) from error
        except (asyncio.CancelledError, CancelledError):
            lookup.answer.cancel()
            raise


def _taken(generation: Generation, point: ForkPoint, key: str, received: float) -> GenerationRequest:
    """Return the answer up to the place as the request of its fork."""
    assert generation.sampling is not None
    return GenerationRequest(
        id=key,
        prompt=tuple(generation.prompt),
        sampling=generation.sampling,
        received=received,
        written=generation.tokens.before(point.seq),
        instructions=generation.tokens.instructions_before(point.seq),
        opened=generation.opened,
        principal=generation.principal,
        model=generation.model,
    )


def _changes_of_forks(generation: Generation, seq: int) -> tuple[tuple[int, Params], ...]:
    """Return the parameters that forks changed up to the place of event ``seq``, as in Fork."""
    changes = generation.fork.changes if generation.fork else ()
    return tuple(change for change in changes if change[0] <= seq)


def _changed(events: tuple[Written, ...], changes: tuple[tuple[int, Params], ...]) -> Params:
    """Return the newest values of the parameters that were tuned in ``events``, or changed by forks."""
    tuned = [(seq, event.tuned.params) for seq, event in enumerate(events, start=1) if event.tuned]
    given = [(seq, msgspec.to_builtins(params)) for seq, params in changes]
    values: dict[str, object] = {}
    for _, newer in sorted((*given, *tuned), key=itemgetter(0)):  # a fork's own events follow its changes
        values |= newer
    return msgspec.convert(values, Params)


def _alternative(likely: LikelyToken) -> Alternative:
    text, logprob, raw = shown_token(likely.piece, likely.logprob)
    return Alternative(token=text, logprob=logprob, bytes=raw, chosen=likely.chosen, end=likely.end)
