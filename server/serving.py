"""The running server: the model of the settings behind the app, in uvicorn, on a socket that listens already."""

from __future__ import annotations

import contextlib
import socket

import uvicorn

from protocol.codec import MAX_FRAME_BYTES
from server.app import create_app
from server.engine.llama import LlamaModel
from server.engine.worker import BatchingEngine
from server.settings import Settings

SHUTDOWN_SECONDS = 5


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM. Raises ModelError or ChatTemplateError before the first request is answered."""
    model = LlamaModel(settings.model, context=settings.context, parallel=settings.parallel, threads=settings.threads)
    config = uvicorn.Config(
        create_app(BatchingEngine(model)),
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,  # 64 KiB for each connection, and merged tokens save more
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again once it has shut down
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says where it answers, as soon as it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            print(f"StreamUI is ready: {_address(listener)}", flush=True)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
