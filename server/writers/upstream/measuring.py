"""The size of prompts for an upstream, asked from the threads that prepare requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec import json
from msgspec.structs import replace

from protocol.errors import ErrorCode
from protocol.messages import ChatMessage, Generate
from server.writers import truncation
from server.writers.request_errors import refusal
from server.writers.upstream.asked import asked_of
from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.upstream.line import Line, UpstreamError
from server.writers.upstream.prompt_size import Fitted, fitted, length, prompt_tokens
from server.writers.writer_port import PromptSize


class Measuring:
    """Measures prompts with the upstream's own tokenizer, where its kind has one. Every method runs on a worker thread.

    ``run``: runs a coroutine on the writer's loop, with the connections to the upstream, and returns what it returns.
    """

    def __init__(self, known: KnownUpstream, run: Callable[[Callable[[Line], Awaitable[Any]]], Any]) -> None:
        self._known = known
        self._run = run

    def measure(self, body: Generate, model: str, written: str) -> PromptSize:
        """Return the size of the prompt of ``body``. Raises RemoteProtocolError and EngineDeadError."""
        context = self._context(model)
        if context is None or not self._known.kind().native:
            text = f"this model is behind {self._known.title}, and the size of a prompt isn't known here"
            raise refusal(body, ErrorCode.UNSUPPORTED, text)
        room = truncation.room_for_prompt(body, context)
        try:
            found = self._fitted(body, model, written, room if truncation.wanted(body) else None)
        except UpstreamError as error:
            text = f"the model's server can't count tokens now: {error}; try again later"
            raise refusal(body, ErrorCode.ENGINE_FAILED, text) from None
        return PromptSize(found.tokens, context, room, found.dropped)

    def shortened(self, body: Generate, model: str, written: str) -> tuple[Generate, int]:
        """Return the body without its oldest turns where not all fit, and the number of messages left out.

        If the upstream can't count now, nothing is left out. Raises EngineDeadError.
        """
        context = self._context(model)
        if not body.messages or not truncation.wanted(body) or context is None or not self._known.kind().native:
            return body, 0
        room = truncation.room_for_prompt(body, context)
        if _most_tokens(body, written) <= room:  # nearly always: no question, and no delay
            return body, 0
        try:
            found = self._fitted(body, model, written, room)
        except UpstreamError:
            return body, 0
        return replace(body, messages=tuple(found.messages)), found.dropped

    def _fitted(self, body: Generate, model: str, written: str, room: int | None) -> Fitted:
        id, kind = self._known.model_id(model) or "", self._known.kind()

        async def find(line: Line) -> Fitted:
            async def count(messages: Sequence[ChatMessage]) -> int:
                some = replace(body, messages=tuple(messages)) if body.messages else body
                return await prompt_tokens(line, asked_of(some, id, kind, written))

            if room is None or not body.messages:
                return Fitted(body.messages or (), await count(body.messages or ()), 0)
            return await fitted(body.messages, room, count)

        found: Fitted = self._run(find)
        return found

    def _context(self, model: str) -> int | None:
        return next((each.context for each in self._known.models if each.name == model), None)


def _most_tokens(body: Generate, written: str) -> int:
    """Return a number that the prompt's tokens don't exceed: nearly no token has less than a byte of the text."""
    characters = sum(map(length, body.messages or ())) + len(written) + len(json.encode(body.tools))
    return 4 * characters if not _is_ascii(body, written) else characters


def _is_ascii(body: Generate, written: str) -> bool:
    return written.isascii() and all(message.content.isascii() for message in body.messages or ())
