"""Endpoints about tokens: ``/tokenize`` and ``/detokenize``, as in llama-server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from protocol.errors import ErrorCode, RemoteProtocolError
from server.engine.base import EngineDeadError
from server.generations.registry import Registry
from server.openai.errors import RefusedError
from server.openai.models import wanted_model
from server.openai.tokens import TokenizeRequest, read_detokenize, read_tokenize, text_of, token_list
from server.transports.openai_endpoint import json_response, models_of
from server.transports.requests import read_body
from server.writers.writer_port import Writer


async def tokenize(request: Request) -> Response:
    """``POST /tokenize``: the tokens of a text, or of a list of texts and tokens."""
    asked = read_tokenize(await read_body(request))
    model = wanted_model(models_of(request), asked.model).served.name
    try:
        tokens = await asyncio.to_thread(_tokens, _registry(request).writer, model, asked)
    except EngineDeadError as error:
        raise RemoteProtocolError(ErrorCode.ENGINE_FAILED, str(error)) from error
    pieces = await pieces_of(request, model, tokens, "content")  # which also checks the client's tokens
    return json_response({"tokens": token_list(tokens, pieces) if asked.with_pieces else tokens})


async def detokenize(request: Request) -> Response:
    """``POST /detokenize``: the text of tokens."""
    asked = read_detokenize(await read_body(request))
    model = wanted_model(models_of(request), asked.model).served.name
    return json_response({"content": text_of(await pieces_of(request, model, asked.tokens, "tokens"))})


async def pieces_of(request: Request, model: str, tokens: Sequence[int], param: str) -> list[bytes]:
    """Return the bytes of each token. Raises RemoteProtocolError; errors call the tokens ``param``."""
    try:
        return await asyncio.to_thread(_registry(request).writer.pieces, model, tokens)
    except IndexError as error:
        raise RefusedError(f"{param}: {error}", param=param) from error
    except EngineDeadError as error:
        raise RemoteProtocolError(ErrorCode.ENGINE_FAILED, str(error)) from error


def _tokens(writer: Writer, model: str, asked: TokenizeRequest) -> list[int]:
    """Return the tokens of a content. The token that begins a prompt is only in front of its first text, and where a
    text spells it."""
    begin = writer.tokenize(model, "")
    spelled = text_of(writer.pieces(model, begin))
    tokens: list[int] = []
    for place, part in enumerate(asked.content):
        if isinstance(part, int):
            tokens.append(part)
            continue
        found = writer.tokenize(model, part, plain=not asked.parse_special)  # begins with that token
        spells = bool(spelled) and asked.parse_special and part.startswith(spelled)
        tokens += found if spells or (asked.add_special and place == 0) else found[len(begin) :]
    return tokens


def _registry(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    return registry
