"""A server on loopback whose downloads can break off. A test's index or hub is made of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

DEADLINE = 300.0
"""Longest wait in seconds, for a test that failed elsewhere."""


class Gated(Protocol):
    """Events of a response that is cut: it sets ``waiting``, and ends once ``gate`` is set; None: at once."""

    gate: threading.Event | None
    waiting: threading.Event


class SmallHandler(BaseHTTPRequestHandler):
    """Base of the handlers of requests."""

    protocol_version = "HTTP/1.1"
    events: Gated

    def log_message(self, *arguments: object) -> None:
        pass

    def send(
        self,
        content: bytes,
        headers: Mapping[str, str],
        *,
        status: int = 200,
        body: bool = True,
        cut: int | None = None,
    ) -> None:
        """Send a response. ``cut``: number of bytes after which its body breaks off; None: it is whole."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content[:cut])
        if cut is not None and self.events.gate is not None:
            self.events.waiting.set()
            self.events.gate.wait(DEADLINE)
        self.close_connection = self.close_connection or cut is not None


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Leave out what http.server prints: a stopped download ends its connection."""


@contextlib.contextmanager
def listening(handler: type[SmallHandler], name: str) -> Iterator[str]:
    """Serve on a free port, in a thread of this ``name``. Yields the origin."""
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name=name)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
