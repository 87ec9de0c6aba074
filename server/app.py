"""The composition root: which engine is behind which doors. Nothing else happens here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Mount, Route, WebSocketRoute

from protocol.errors import RemoteProtocolError
from server.chat.template import ChatTemplate
from server.engine.base import Engine
from server.generations.journal import Journal
from server.generations.registry import QUEUE_LIMIT, Registry
from server.generations.restoring import OnRestart
from server.transports import generations
from server.transports.access import RequestLog
from server.transports.channel import Channels, close_channel, post_frame
from server.transports.connections import Connections
from server.transports.events import stream_events, stream_generate
from server.transports.health import healthz, readyz
from server.transports.metrics import metrics, metrics_registry
from server.transports.pages import FrontendFiles, SecurityHeaders, page, service_worker
from server.transports.polling import open_channel, poll_channel
from server.transports.requests import Door, nobody_there, refuse
from server.transports.socket import Disconnected
from server.transports.sse import stream_channel
from server.transports.websocket import websocket_endpoint


def create_app(
    engine: Engine,
    journal: Journal | None = None,
    on_restart: OnRestart = OnRestart.CONTINUE,
    queue_limit: int = QUEUE_LIMIT,
) -> Starlette:
    """The server's ASGI application over an engine that has not been started. It closes engine and journal at its end.

    Raises ChatTemplateError when the model's own template can't be read.
    """
    facts = engine.facts
    template = ChatTemplate(facts.chat_template, bos=facts.bos, eos=facts.eos)
    registry = Registry(engine, template, journal, on_restart=on_restart, queue_limit=queue_limit)
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
            template.close()

    app = Starlette(
        routes=[
            Route("/", page, methods=["GET"]),
            Route("/service-worker.js", service_worker, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            WebSocketRoute("/ws", websocket_endpoint),
            Door("GET", "/channel", stream_channel),
            Door("POST", "/channel", open_channel),
            Door("POST", "/channel/{connection}", post_frame),
            Door("DELETE", "/channel/{connection}", close_channel),
            Door("GET", "/channel/{connection}/poll", poll_channel),
            Door("POST", "/generate", generations.generate),
            Door("POST", "/generate/stream", stream_generate),
            Door("POST", "/generations", generations.start),
            Door("GET", "/generations/{id}", generations.state),
            Door("DELETE", "/generations/{id}", generations.cancel),
            Door("GET", "/generations/{id}/events", stream_events),
            Door("GET", "/generations/{id}/poll", generations.poll_events),
            Mount("/static", FrontendFiles(), name="static"),
        ],
        exception_handlers={RemoteProtocolError: refuse, Disconnected: nobody_there, ClientDisconnect: nobody_there},
        middleware=[Middleware(RequestLog), Middleware(SecurityHeaders)],
        lifespan=lifespan,
    )
    app.state.registry = registry
    app.state.connections = Connections()
    app.state.metrics = metrics_registry(registry, app.state.connections)
    app.state.channels = channels
    return app
