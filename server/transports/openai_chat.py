"""Endpoints of chats: ``POST /v1/chat/completions``, answered as one JSON object or as a stream of chunks, and
``/v1/chat/completions/input_tokens``, which counts the tokens of a request, as in llama-server."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from server.generations.registry import Registry
from server.openai.chat_answer import ChatAnswer
from server.openai.chat_request import read_chat
from server.transports.openai_answering import Work, respond
from server.transports.openai_endpoint import answer_facts, json_response
from server.transports.requests import read_body


async def create(request: Request) -> Response | ASGIApp:
    """Answer a chat. The client that leaves stops its answer."""
    received = time.monotonic()
    chat = read_chat(await read_body(request))
    facts = answer_facts(request, "chatcmpl-", chat.model)
    bodies = [chat.generate(facts, index) for index in range(chat.choices)]
    work = Work(ChatAnswer(chat, facts), bodies, received, chat.dialogue.written)
    return await respond(request, work, stream=chat.form.stream)


async def input_tokens(request: Request) -> Response:
    """``POST /v1/chat/completions/input_tokens``: the length of the prompt that a request would have."""
    chat = read_chat(await read_body(request))
    facts = answer_facts(request, "chatcmpl-", chat.model)
    registry: Registry = request.app.state.registry
    size = await registry.measure(chat.generate(facts, 0), chat.dialogue.written)
    return json_response({"object": "response.input_tokens", "input_tokens": size.tokens})
