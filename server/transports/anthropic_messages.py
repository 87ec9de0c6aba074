"""Endpoints of Anthropic's Messages API: ``POST /v1/messages``, whole or as a stream, and ``…/count_tokens``.

Errors leave them in OpenAI's form; OpenAIErrors translates them (openai_errors.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from protocol.errors import RemoteProtocolError
from protocol.messages import Done
from server.anthropic.errors import event_of, too_long
from server.anthropic.message_answer import MessageAnswer
from server.anthropic.message_request import NAMES, MessageRequest, read_count, read_message
from server.generations.registry import Registry
from server.openai.ended import failure_of
from server.openai.errors import ErrorReply, rename_field
from server.openai.facts import AnswerFacts
from server.transports.generations import while_connected
from server.transports.openai_choices import started
from server.transports.openai_endpoint import answer_facts, error_response, json_response
from server.transports.openai_stream import Emit, Wire, stream_chunks
from server.transports.requests import read_body
from server.writers.request_errors import PromptTooLongError

PREFIX: Final = "msg_"
EVENTS: Final = Wire(named=True, failure=event_of)


async def create(request: Request) -> Response | ASGIApp:
    """Answer a chat. The client that leaves stops its answer."""
    received = time.monotonic()
    asked = read_message(await read_body(request))
    facts = answer_facts(request, PREFIX, asked.model)
    answer = MessageAnswer(asked, facts)

    async def answering(emit: Emit) -> ErrorReply | None:
        return await _answer(request, asked, facts, answer, received, emit)

    if asked.stream:
        return stream_chunks(request, answering, EVENTS)
    failure = await while_connected(request, answering(_collect))
    return error_response(failure) if failure else json_response(answer.whole())


async def count_tokens(request: Request) -> Response:
    """Return the number of tokens of the prompt, also of one that is too long."""
    asked = read_count(await read_body(request))
    body = asked.generate(answer_facts(request, PREFIX, asked.model))
    registry: Registry = request.app.state.registry
    size = await registry.measure(body, asked.dialogue.written)
    return json_response({"input_tokens": size.tokens})


async def _answer(
    request: Request, asked: MessageRequest, facts: AnswerFacts, answer: MessageAnswer, received: float, emit: Emit
) -> ErrorReply | None:
    """Start the generation and emit its events. Returns the error of an answer that failed."""
    try:
        async with started(request, [asked.generate(facts)], received, asked.dialogue.written) as choices:
            await emit(answer.opening(choices.prompt_tokens))
            async for events in choices.events():
                await emit(chunk for _, event in events for chunk in answer.feed(event))
                failures = (failure_of(event) for _, event in events if isinstance(event, Done))
                if failure := next(filter(None, failures), None):
                    return failure
    except PromptTooLongError as error:
        raise too_long(error) from error
    except RemoteProtocolError as error:
        rename_field(error, NAMES)
        raise
    return None


async def _collect(chunks: Iterable[dict[str, Any]]) -> None:
    """Consume the events: each one adds its text to the message."""
    for _ in chunks:
        pass
