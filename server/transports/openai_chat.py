"""Endpoint of chat completions: ``POST /v1/chat/completions``, as one JSON object or as a stream of chunks."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from server.openai.chat_answer import ChatAnswer
from server.openai.chat_request import read_chat
from server.transports.openai_answering import Work, respond
from server.transports.openai_endpoint import answer_facts
from server.transports.requests import read_body


async def create(request: Request) -> Response | ASGIApp:
    """Answer a chat. The client that leaves stops its answer."""
    received = time.monotonic()
    chat = read_chat(await read_body(request))
    facts = answer_facts(request, "chatcmpl-", chat.model)
    bodies = [chat.generate(facts, index) for index in range(chat.choices)]
    work = Work(ChatAnswer(chat, facts), bodies, received, chat.dialogue.written)
    return await respond(request, work, stream=chat.form.stream)
