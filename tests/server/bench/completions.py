"""A small OpenAI-compatible server: it streams words, counts its requests, and notices disconnected clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from server.__main__ import _listen as listen
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import _Server as Server

STEP_SECONDS = 0.0005
READ_SECONDS = 0.00005
"""Time for each character of a prompt, in seconds."""


@dataclass
class Completions:
    """Counters of requests and of aborted answers. ``refuses``: respond with 400. ``breaks``: see _events."""

    refuses: bool = False
    breaks: str | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self, *, chat: bool = True) -> Starlette:
        routes = [Route("/v1/completions", self.complete, methods=["POST"])]
        if chat:
            routes.append(Route("/v1/chat/completions", self.complete, methods=["POST"]))
        return Starlette(routes=routes)

    async def complete(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        if self.refuses:
            return JSONResponse({"error": {"message": "top_k: not here"}}, 400)
        return StreamingResponse(self._events(body), media_type="text/event-stream")

    async def _events(self, body: dict[str, Any]) -> AsyncIterator[bytes]:
        """Yield the answer's events, the second one in two parts; ``breaks`` replaces the last ones."""
        try:
            await asyncio.sleep(READ_SECONDS * len(body.get("prompt", "")))
            for n in range(body["max_tokens"]):
                await asyncio.sleep(STEP_SECONDS)
                text = f" w{n}"
                choice = {"text": text} if "prompt" in body else {"delta": {"content": text}}
                data = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\r\n\r\n"
                for part in (data[:9], data[9:]) if n == 1 else (data,):
                    yield part
            if self.breaks is not None:
                yield f"data: {self.breaks}\n\n".encode()
                return
            usage = {"prompt_tokens": 7, "completion_tokens": body["max_tokens"]}
            yield b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\ndata: [DONE]\n\n"
        except asyncio.CancelledError:
            self.left.set()
            raise


@contextlib.asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[int]:
    """Run the app in uvicorn on a free loopback port."""
    server = Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    listener = listen("127.0.0.1", 0)
    task = asyncio.get_running_loop().create_task(server.serve([listener]), name="uvicorn")
    try:
        async with asyncio.timeout(DEADLINE):
            await server.ready.wait()
        yield listener.getsockname()[1]
    finally:
        server.ending.set()
        await task
