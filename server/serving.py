"""The running server: the app with the configured model, in uvicorn, on a socket that already listens."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from protocol.codec import MAX_FRAME_BYTES
from server.app import create_app
from server.chat.wellknown import chosen
from server.conversations.store import Store
from server.engine.kv_files import delete_kept
from server.engine.model_defaults import ModelDefaults
from server.generations.journal import Journal
from server.generations.restoring import OnRestart
from server.guard.deadlines import PunctualProtocol
from server.guard.guard import Guard
from server.guard.limits import UsageLimits
from server.guard.token_store import TokenStore
from server.guard.tokens import Tokens
from server.models.local_models import LocalModels
from server.models.models_file import ModelsFile
from server.models.packaged import PackagedModel
from server.option import parts
from server.serving_models import model_writers
from server.settings import Settings
from server.writers.first_model import FirstModel
from server.writers.joint_writer import JointWriter
from server.writers.model_writers import ModelWriters
from server.writers.writer_port import Writer

logger = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 2
"""Time for open responses to end after their clients were notified, in seconds."""

KEEP_ALIVE_SECONDS = 75
"""Time for which an idle HTTP connection stays open, in seconds: longer than HTTP clients keep theirs, since a request
on a connection that the server closes at that moment would fail."""

CLIENTS_FAULTS = (
    "Invalid UTF-8 sequence received from client.",
    "ASGI callable returned without completing handshake.",
)
"""Errors that uvicorn logs with a traceback when a client broke a rule and was rejected."""


def run(
    settings: Settings,
    listener: socket.socket,
    defaults: Mapping[Path, ModelDefaults],
    models_file: ModelsFile,
    missing: PackagedModel | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. ``defaults`` are kept beside models' files, and are keyed by them. ``missing`` is
    downloaded meanwhile, and then becomes the default model.

    Raises JournalError, ConversationsError, TokenFileError, ModelError or ChatTemplateError before the first request is
    answered.
    """
    template = chosen(settings.chat_template) if settings.chat_template else None
    journal = Journal(settings.data) if settings.journal == "on" else None
    store = Store(settings.data, lambda: delete_kept(settings.kv_folder))
    guard, active = _guard(settings), _active_limit(settings)
    local_writers = model_writers(settings, template, defaults, models_file) if settings.models else None
    writer = _writer(settings, local_writers)
    restart, root = OnRestart(settings.on_restart), settings.root_path
    name = settings.model.stem if settings.models and not missing else None
    first = FirstModel(missing, local_writers, _remark) if missing and local_writers else None
    local = _local_models(settings, local_writers, models_file, first)
    app = create_app(writer, journal, restart, settings.queue, guard, active, store, root, name, local, first)
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg not in CLIENTS_FAULTS)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after its shutdown
        _Server(app, settings.drain, root).run(sockets=[listener])


def _writer(settings: Settings, local: ModelWriters | None) -> Writer:
    """Return the writer of the models of this machine and of the upstreams. Raises ModelError."""
    writers: list[tuple[str, Writer]] = [("", local)] if local else []
    if settings.upstreams:
        from server.serving_upstreams import upstream_writers  # here: its HTTP client takes 0.3 s to import

        writers += upstream_writers(settings)
    return writers[0][1] if len(writers) == 1 else JointWriter(writers)


def _remark(text: str) -> None:
    print(f"streamui: {text}", file=sys.stderr, flush=True)


def _local_models(
    settings: Settings, writer: ModelWriters | None, models_file: ModelsFile, first: FirstModel | None
) -> LocalModels:
    def got(path: Path) -> None:
        if first:
            first.got(path)
        elif writer:
            writer.refresh()

    return LocalModels(
        settings.models_folder,
        settings.data,
        os.environ,
        settings.chat_sizes,
        models_file=models_file,
        offline=settings.offline == "on",
        memory=writer.memory if writer else 0,
        in_use=writer.loaded_files if writer else tuple,
        got=got,
    )


def _guard(settings: Settings) -> Guard:
    tokens = Tokens(TokenStore(settings.data)) if settings.auth == "token" else None
    if tokens is not None and tokens.count == 0:
        logger.warning("there are no tokens yet, so no client can log in. Create one (no restart needed):")
        logger.warning("    streamui token add NAME --data %s", shlex.quote(str(settings.data)))
    return Guard(
        tokens=tokens,
        limits=UsageLimits(sockets=settings.max_sockets, messages=settings.max_messages),
        hosts=(settings.host, *parts(settings.allow_host)),
        origins=parts(settings.allow_origin),
        model_getters=settings.who_may_get_models,
    )


def _active_limit(settings: Settings) -> int | None:
    """Return the limit per user. With tokens no user gets the whole queue, unless the operator allows it."""
    if settings.max_active is None and settings.auth == "token":
        return max(1, (settings.queue + settings.local_parallel) // 4)
    return settings.max_active


def configuration(app: Starlette, http: type[PunctualProtocol] = PunctualProtocol) -> uvicorn.Config:
    """Return uvicorn's configuration for the app."""
    return uvicorn.Config(
        app,
        loop="asyncio",  # not another installed one: loops order simultaneous events differently
        http=http,
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,  # it takes 64 KiB per connection, and merged tokens save more
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


class _Server(uvicorn.Server):
    """Prints the address once the server answers, and says goodbye to its clients before it stops."""

    def __init__(self, app: Starlette, drain: float, root_path: str = "") -> None:
        super().__init__(configuration(app))
        self._root_path = root_path
        self._app = app
        self._drain = drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            print(f"StreamUI is ready: {_address(listener)}{self._root_path}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the generations first: uvicorn itself closes the sockets at once, without a message."""
        await self._app.state.registry.drain(self._drain)
        await self._app.state.registry.close()
        await self._app.state.connections.say_goodbye()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start the shutdown on the first signal; end the process at once on the second. The journal stays
        consistent."""
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
