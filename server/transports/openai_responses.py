"""Endpoint of responses: ``POST /v1/responses``, as one JSON object or as a stream of named events."""

from __future__ import annotations

import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from server.openai.response_answer import ResponseAnswer
from server.openai.response_request import read_response
from server.transports.openai_answering import Work, respond
from server.transports.openai_endpoint import answer_facts
from server.transports.openai_stream import Wire
from server.transports.requests import read_body

NAMES: Final = {"messages": "input", "params.json_schema": "text.format"}
"""Names of fields in the request, by those in a `generate`."""


async def create(request: Request) -> Response | ASGIApp:
    """Answer a request. The client that leaves stops its answer. Nothing is kept for later requests."""
    received = time.monotonic()
    asked = read_response(await read_body(request))
    facts = answer_facts(request, "resp_", asked.model)
    answer = ResponseAnswer(asked, facts)
    work = Work(answer, [asked.generate(facts)], received, asked.dialogue.written, NAMES)
    return await respond(request, work, stream=asked.stream, wire=Wire(named=True, failure=answer.failed))
