"""The composition root: connects the engine to the endpoints. It does nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Mount, Route, WebSocketRoute

from protocol.errors import RemoteProtocolError
from server.conversations.service import Conversations
from server.conversations.store import Store
from server.generations.journal import Journal
from server.generations.places import QUEUE_LIMIT
from server.generations.registry import Registry
from server.generations.restoring import OnRestart
from server.guard.authentication import Authentication
from server.guard.cross_origin import cross_origin
from server.guard.guard import Guard
from server.guard.perimeter import Perimeter
from server.logs import described
from server.models.local_models import LocalModels
from server.page.libraries import LIBRARIES
from server.page.links import PageLinks
from server.transports import (
    anthropic_messages,
    conversation_files,
    conversations,
    downloads,
    generations,
    models,
    openai_chat,
    openai_completions,
    openai_kept_responses,
    openai_models,
    openai_responses,
    openai_tokens,
)
from server.transports.access import RequestLog
from server.transports.channel import Channels, close_channel, post_frame
from server.transports.connections import Connections
from server.transports.error_pages import ErrorPages, refuse_address
from server.transports.events import stream_events, stream_generate
from server.transports.health import healthz, readyz
from server.transports.login import log_in, log_out, login_page
from server.transports.metrics import metrics, metrics_registry
from server.transports.model_access import ModelAccess
from server.transports.openai_endpoint import OpenAIEndpoint
from server.transports.openai_errors import OpenAIErrors
from server.transports.openai_socket import responses_socket
from server.transports.pages import (
    COMPRESSION,
    BundleFiles,
    FrontendFiles,
    SecurityHeaders,
    compressed,
    embed_script,
    offline_page,
    page,
    service_worker,
)
from server.transports.polling import open_channel, poll_channel
from server.transports.requests import Endpoint, client_disconnected, refuse
from server.transports.root_path import RootPath
from server.transports.socket import Disconnected
from server.transports.sse import stream_channel
from server.transports.vendor import VendorFiles
from server.transports.websocket import websocket_endpoint
from server.writers.first_model import FirstModel
from server.writers.writer_port import Writer

KEEP_SECONDS: Final = 30.0
"""Longest wait until conversations keep their model, in seconds."""

logger = logging.getLogger(__name__)


def create_app(
    writer: Writer,
    journal: Journal | None = None,
    on_restart: OnRestart = OnRestart.CONTINUE,
    queue_limit: int = QUEUE_LIMIT,
    guard: Guard | None = None,
    active_limit: int | None = None,
    store: Store | None = None,
    root_path: str = "",
    model: str | None = None,
    local_models: LocalModels | None = None,
    first_model: FirstModel | None = None,
) -> Starlette:
    """Build the ASGI application over a writer that has not been started. It closes its arguments at its end.

    ``guard`` None: no tokens. ``store`` None: conversations end with the server. ``root_path`` is the
    path below which a proxy serves it. ``model``: the default model's id in OpenAI's API;
    None: its name. ``local_models`` None: no models can be listed or downloaded over the API. ``first_model`` is
    downloaded by them.
    """
    registry = Registry(writer, journal, on_restart=on_restart, queue_limit=queue_limit, active_limit=active_limit)
    kept = Conversations(store or Store(None), registry)
    guard = guard or Guard()
    connections, channels = Connections(), Channels()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        running = loop.create_task(registry.run(), name="registry")
        watching = loop.create_task(_watch_tokens(guard, connections, registry), name="tokens")
        keeping = loop.create_task(kept.run(), name="conversations")
        if local_models:
            local_models.start()
        try:
            await kept.restored.wait()
            if local_models and first_model:
                first_model.start(local_models.downloads, _keeping(kept, loop))
            yield
        finally:
            if local_models:
                local_models.close()
            await channels.close()
            running.cancel()
            watching.cancel()
            keeping.cancel()
            await registry.close()
            await kept.close()
            guard.close()

    page_links = PageLinks()
    app = Starlette(
        routes=[
            Route("/", page, methods=["GET"], middleware=[COMPRESSION]),
            Route("/c/{conversation}", page, methods=["GET"], middleware=[COMPRESSION]),
            Route("/service-worker.js", service_worker, methods=["GET"]),
            Route("/embed/stream-ui.js", embed_script, methods=["GET"]),
            Route("/static/offline/offline.html", offline_page, methods=["GET"]),
            Route("/login", login_page, methods=["GET"]),
            Endpoint("POST", "/login", log_in),
            Route("/logout", login_page, methods=["GET"]),
            Endpoint("POST", "/logout", log_out),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            WebSocketRoute("/ws", websocket_endpoint),
            Endpoint("GET", "/channel", stream_channel),
            Endpoint("POST", "/channel", open_channel),
            Endpoint("POST", "/channel/{connection}", post_frame),
            Endpoint("DELETE", "/channel/{connection}", close_channel),
            Endpoint("GET", "/channel/{connection}/poll", poll_channel),
            Endpoint("POST", "/generate", generations.generate),
            Endpoint("POST", "/generate/stream", stream_generate),
            Endpoint("POST", "/generations", generations.start),
            Endpoint("GET", "/generations/{id}", generations.state),
            Endpoint("DELETE", "/generations/{id}", generations.cancel),
            Endpoint("POST", "/generations/{id}/steer", generations.steer),
            Endpoint("POST", "/generations/{id}/tune", generations.tune),
            Endpoint("GET", "/generations/{id}/events", stream_events),
            Endpoint("GET", "/generations/{id}/poll", generations.poll_events),
            OpenAIEndpoint("GET", "/v1/models", openai_models.listed),
            OpenAIEndpoint("GET", "/v1/models/{id:path}", openai_models.read),
            OpenAIEndpoint("POST", "/v1/chat/completions", openai_chat.create),
            OpenAIEndpoint("POST", "/v1/chat/completions/input_tokens", openai_chat.input_tokens),
            OpenAIEndpoint("POST", "/v1/completions", openai_completions.create),
            OpenAIEndpoint("POST", "/v1/responses", openai_responses.create),
            WebSocketRoute("/v1/responses", responses_socket),
            OpenAIEndpoint("POST", "/v1/messages", anthropic_messages.create),
            OpenAIEndpoint("POST", "/v1/messages/count_tokens", anthropic_messages.count_tokens),
            OpenAIEndpoint("POST", "/v1/responses/input_tokens", openai_kept_responses.input_tokens),
            OpenAIEndpoint("POST", "/v1/responses/compact", openai_kept_responses.compact),
            OpenAIEndpoint("GET", "/v1/responses/{id}", openai_kept_responses.read),
            OpenAIEndpoint("DELETE", "/v1/responses/{id}", openai_kept_responses.delete),
            OpenAIEndpoint("POST", "/v1/responses/{id}/cancel", openai_kept_responses.cancel),
            OpenAIEndpoint("GET", "/v1/responses/{id}/input_items", openai_kept_responses.input_items),
            OpenAIEndpoint("POST", "/v1/embeddings", openai_models.embed),
            OpenAIEndpoint("POST", "/tokenize", openai_tokens.tokenize),
            OpenAIEndpoint("POST", "/detokenize", openai_tokens.detokenize),
            Endpoint("GET", "/api/conversations", conversations.listed),
            Endpoint("POST", "/api/conversations", conversations.create),
            Endpoint("GET", "/api/conversations/export", conversation_files.export_all),
            Endpoint("POST", "/api/conversations/import", conversation_files.import_file),
            Endpoint("GET", "/api/conversations/{id}/export", conversation_files.export),
            Endpoint("GET", "/api/conversations/{id}", conversations.read),
            Endpoint("PATCH", "/api/conversations/{id}", conversations.change),
            Endpoint("DELETE", "/api/conversations/{id}", conversations.delete),
            Endpoint("POST", "/api/conversations/{id}/restore", conversations.restore),
            Endpoint("POST", "/api/conversations/{id}/context", conversations.context),
            Endpoint("PATCH", "/api/conversations/{id}/messages/{message}", conversations.change_message),
            Endpoint("DELETE", "/api/conversations/{id}/messages/{message}", conversations.delete_message),
            Endpoint("POST", "/api/conversations/{id}/messages/{message}/restore", conversations.restore_message),
            Endpoint("GET", "/api/models", models.listed),
            Endpoint("DELETE", "/api/models/{name:path}", models.remove),
            Endpoint("GET", "/api/hub", models.search),
            Endpoint("GET", "/api/hub/{owner}/{repository}", models.repository),
            Endpoint("GET", "/api/downloads", downloads.listed),
            Endpoint("POST", "/api/downloads", downloads.start),
            Endpoint("DELETE", "/api/downloads/{id}", downloads.remove),
            Endpoint("POST", "/api/downloads/{id}/stop", downloads.stop),
            Endpoint("POST", "/api/downloads/{id}/resume", downloads.resume),
            *(Mount(f"/static/vendor/{name}", compressed(VendorFiles(library))) for name, library in LIBRARIES.items()),
            Mount("/static/bundle", BundleFiles()),
            Mount("/static/sources/{digest}", compressed(FrontendFiles(page_links))),
            Mount("/static", compressed(FrontendFiles(page_links))),
        ],
        exception_handlers={
            HTTPException: refuse_address,
            RemoteProtocolError: refuse,
            Disconnected: client_disconnected,
            ClientDisconnect: client_disconnected,
        },
        middleware=[
            *([Middleware(RootPath, root_path)] if root_path else []),
            Middleware(RequestLog),
            Middleware(SecurityHeaders),
            Middleware(OpenAIErrors),
            Middleware(ErrorPages),
            Middleware(Perimeter, guard.hosts, guard.origins, auth=guard.tokens is not None),
            *cross_origin(guard.origins),
            Middleware(Authentication, guard),
        ],
        lifespan=lifespan,
    )
    app.state.registry = registry
    app.state.conversations = kept
    app.state.default_model = model
    app.state.started = int(time.time())
    app.state.guard = guard
    app.state.model_access = ModelAccess(local_models, guard)
    app.state.page_links = page_links
    app.state.connections = connections
    app.state.metrics = metrics_registry(registry, connections)
    app.state.channels = channels
    return app


def _keeping(conversations: Conversations, loop: asyncio.AbstractEventLoop) -> Callable[[str], None]:
    """Return a function for other threads: conversations keep the default model of this name."""

    def keep(model: str) -> None:
        try:
            asyncio.run_coroutine_threadsafe(conversations.keep_model(model), loop).result(KEEP_SECONDS)
        except (RemoteProtocolError, TimeoutError) as error:
            logger.warning("chats don't keep the model %s: %s", model, described(error))

    return keep


async def _watch_tokens(guard: Guard, connections: Connections, registry: Registry) -> None:
    """Close the connections of revoked tokens. If this fails, `/healthz` reports it."""
    try:
        await guard.watch(connections.dismiss_invalid)
    except Exception as error:
        registry.parts.died("tokens", described(error), error)
