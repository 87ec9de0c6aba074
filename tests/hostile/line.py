"""One raw connection to a server, with full control of every byte that is sent."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

DEADLINE = 60.0
"""Time limit for a response, in seconds. No response comes near it, even on a busy machine."""

MASK = b"\x01\x02\x03\x04"
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9

_STATUS = re.compile(rb"(?:^|(?<=\n)|(?<=\}))HTTP/1\.1 (\d{3}) ")

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def code(self) -> str | None:
        """Error code in the JSON body."""
        with contextlib.suppress(ValueError):
            body = json.loads(self.body)
            if isinstance(body, dict):
                return body.get("code")
        return None


@contextlib.contextmanager
def line(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
        yield connection


def request(method: str, path: str, headers: Headers, body: bytes | None = None) -> bytes:
    """Return a request that is well formed except for the given parts."""
    length = [] if body is None else [("content-length", str(len(body)))]
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in [*headers, *length])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + (body or b"")


def reply(connection: socket.socket, method: str = "GET") -> Reply:
    """Read the next complete response."""
    response = http.client.HTTPResponse(connection, method=method)
    with contextlib.closing(response):
        response.begin()
        body = response.read().decode("utf-8", "replace")
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def ask(port: int, method: str, path: str, headers: Headers, body: bytes | None = None) -> Reply:
    with line(port) as connection:
        connection.sendall(request(method, path, headers, body))
        return reply(connection, method)


def statuses(connection: socket.socket) -> list[int]:
    """Read all responses until the server closes; return their statuses."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            received += part
    return [int(status) for status in _STATUS.findall(received)]


def frame(opcode: int, payload: bytes, *, fin: bool = True, reserved: int = 0, mask: bool = True) -> bytes:
    """Encode a WebSocket frame."""
    masked = bytes(byte ^ MASK[n % 4] for n, byte in enumerate(payload)) if mask else payload
    return frame_head(opcode, len(payload), fin=fin, reserved=reserved, mask=mask) + masked


def frame_head(opcode: int, length: int, *, fin: bool = True, reserved: int = 0, mask: bool = True) -> bytes:
    first, second = fin << 7 | reserved << 4 | opcode, mask << 7
    if length < 126:
        head = struct.pack("!BB", first, second | length)
    elif length < 65_536:
        head = struct.pack("!BBH", first, second | 126, length)
    else:
        head = struct.pack("!BBQ", first, second | 127, length)
    return head + (MASK if mask else b"")


class WebSocket:
    """An open WebSocket. ``close_code``: the server's, once it has closed."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")
        self.close_code: int | None = None

    def close(self) -> None:
        self._stream.close()

    def send(self, data: bytes) -> None:
        """Send bytes. A connection that the server has closed raises nothing here."""
        with contextlib.suppress(ConnectionError):
            self._connection.sendall(data)

    def send_text(self, text: str) -> None:
        self.send(frame(TEXT, text.encode("utf-8", "surrogatepass")))

    def messages(self) -> Iterator[dict[str, object]]:
        """Yield the server's messages until it closes."""
        while (received := self._next()) is not None:
            opcode, payload = received
            if opcode == TEXT and payload.startswith(b"{"):
                yield json.loads(payload)
            elif opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2])
                return

    def _next(self) -> tuple[int, bytes] | None:
        try:
            head = self._stream.read(2)
            if len(head) < 2:
                return None
            length = head[1] & 127
            if length > 125:
                length = int.from_bytes(self._stream.read(2 if length == 126 else 8))
            return head[0] & 15, self._stream.read(length)
        except ConnectionResetError:
            return None


UPGRADE = (
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
)


@contextlib.contextmanager
def websocket(port: int, query: str = "", headers: Headers = ()) -> Iterator[WebSocket]:
    """Open a WebSocket. Raises AssertionError if the server refuses it."""
    with line(port) as connection:
        connection.sendall(request("GET", f"/ws{query}", [("host", f"127.0.0.1:{port}"), *UPGRADE, *headers]))
        head = _head(connection)
        assert head.startswith(b"HTTP/1.1 101 "), head
        opened = WebSocket(connection)
        try:
            yield opened
        finally:
            opened.close()


def _head(connection: socket.socket) -> bytes:
    """Read the head of a response, and no byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = connection.recv(1)
        assert part, head
        head += part
    return head
