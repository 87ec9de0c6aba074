"""Endpoint of text completions: ``POST /v1/completions``. The prompt is the caller's own, without a template."""

from __future__ import annotations

import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from server.openai.completion_answer import CompletionAnswer
from server.openai.completion_request import CompletionRequest, read_completion
from server.openai.errors import RefusedError
from server.openai.tokens import text_of
from server.transports.openai_answering import Work, respond
from server.transports.openai_endpoint import answer_facts
from server.transports.openai_tokens import pieces_of
from server.transports.requests import read_body


async def create(request: Request) -> Response | ASGIApp:
    """Complete one or more prompts. The client that leaves stops its answer."""
    received = time.monotonic()
    completion = read_completion(await read_body(request))
    facts = answer_facts(request, "cmpl-", completion.model)
    prompts = await _texts(request, completion, facts.served)
    bodies = [completion.generate(prompts, facts, index) for index in range(completion.count)]
    work = Work(CompletionAnswer(completion, prompts, facts), bodies, received)
    return await respond(request, work, stream=completion.form.stream)


async def _texts(request: Request, completion: CompletionRequest, model: str) -> Sequence[str]:
    """Return the prompts as text. Raises RefusedError for a prompt without text, and for an unknown token."""
    texts = []
    for prompt in completion.prompts:
        text = prompt if isinstance(prompt, str) else text_of(await pieces_of(request, model, prompt, "prompt"))
        if not text:
            raise RefusedError("prompt: these tokens have no text", param="prompt")
        texts.append(text)
    return texts
