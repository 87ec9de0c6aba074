"""The composition root: which engine is behind which doors. Nothing else happens here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute

from protocol.errors import RemoteProtocolError
from server.chat.template import ChatTemplate
from server.engine.base import Engine
from server.generations.registry import Registry
from server.transports.channel import Channels, close_channel, post_frame
from server.transports.connections import Connections
from server.transports.health import healthz
from server.transports.pages import FrontendFiles, SecurityHeaders, page
from server.transports.polling import open_channel, poll_channel
from server.transports.requests import refuse
from server.transports.sse import stream_channel
from server.transports.websocket import websocket_endpoint


def create_app(engine: Engine) -> Starlette:
    """The server's ASGI application over an engine that has not been started. It closes the engine when it ends.

    Raises ChatTemplateError when the model's own template can't be read.
    """
    facts = engine.facts
    registry = Registry(engine, ChatTemplate(facts.chat_template, bos=facts.bos, eos=facts.eos))
    channels = Channels()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        running = asyncio.get_running_loop().create_task(registry.run(), name="registry")
        try:
            yield
        finally:
            await channels.close()
            running.cancel()
            await registry.close()

    app = Starlette(
        routes=[
            Route("/", page, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
            WebSocketRoute("/ws", websocket_endpoint),
            Route("/channel", stream_channel, methods=["GET"]),
            Route("/channel", open_channel, methods=["POST"]),
            Route("/channel/{connection}", post_frame, methods=["POST"]),
            Route("/channel/{connection}", close_channel, methods=["DELETE"]),
            Route("/channel/{connection}/poll", poll_channel, methods=["GET"]),
            Mount("/static", FrontendFiles(), name="static"),
        ],
        exception_handlers={RemoteProtocolError: refuse},
        middleware=[Middleware(SecurityHeaders)],
        lifespan=lifespan,
    )
    app.state.registry = registry
    app.state.connections = Connections()
    app.state.channels = channels
    return app
