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
from server.openai.tokens import read_detokenize, read_tokenize, text_of, token_list
from server.transports.openai_endpoint import json_response, models_of
from server.transports.requests import read_body


async def tokenize(request: Request) -> Response:
    """``POST /tokenize``: the tokens of a text."""
    asked = read_tokenize(await read_body(request))
    model = wanted_model(models_of(request), asked.model).served.name
    tokens = await _tokens(request, model, asked.content)
    if not asked.add_special:
        begin = await _tokens(request, model, "")
        tokens = tokens[len(begin) :] if tokens[: len(begin)] == begin else tokens
    pieces = await pieces_of(request, model, tokens, "content") if asked.with_pieces else []
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


async def _tokens(request: Request, model: str, text: str) -> list[int]:
    try:
        return await asyncio.to_thread(_registry(request).writer.tokenize, model, text)
    except EngineDeadError as error:
        raise RemoteProtocolError(ErrorCode.ENGINE_FAILED, str(error)) from error


def _registry(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    return registry
