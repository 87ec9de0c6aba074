"""The running server: the model of the settings behind the app, in uvicorn, on a socket that listens already."""

from __future__ import annotations

import contextlib
import logging
import socket

import uvicorn
from starlette.applications import Starlette

from protocol.codec import MAX_FRAME_BYTES
from server.app import create_app
from server.engine.llama import LlamaModel
from server.engine.worker import BatchingEngine
from server.settings import Settings

SHUTDOWN_SECONDS = 2
"""How long a response that goes on is given to end, once its client has been told."""

CLIENTS_FAULTS = (
    "Invalid UTF-8 sequence received from client.",
    "ASGI callable returned without completing handshake.",
)
"""What uvicorn logs as errors of ours, with a traceback, where a client broke a rule and was refused."""


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM. Raises ModelError or ChatTemplateError before the first request is answered."""
    model = LlamaModel(settings.model, context=settings.context, parallel=settings.parallel, threads=settings.threads)
    app = create_app(BatchingEngine(model))
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg not in CLIENTS_FAULTS)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again once it has shut down
        _Server(app).run(sockets=[listener])


def configuration(app: Starlette) -> uvicorn.Config:
    """How uvicorn serves the app."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,  # 64 KiB for each connection, and merged tokens save more
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


class _Server(uvicorn.Server):
    """Says where it answers, as soon as it does, and takes leave of its clients before it goes."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(configuration(app))
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            print(f"StreamUI is ready: {_address(listener)}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every generation first: uvicorn itself closes the sockets at once, with nothing said."""
        await self._app.state.registry.close()
        await self._app.state.connections.say_goodbye()
        await super().shutdown(sockets)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
