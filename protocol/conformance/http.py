"""A small HTTP/1.1 client on asyncio's streams: one request per connection, its response readable as it arrives.

The kit reads responses while they grow and cuts them off. No package that the server already needs can do that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from protocol.conformance.credentials import authorization


class BadResponse(Exception):
    """The bytes received are not an HTTP/1.1 response, or the response was cut off."""


@dataclass(frozen=True)
class HttpResponse:
    """A complete response."""

    status: int
    headers: dict[str, str]
    body: str


class HttpExchange:
    """One request and its response. ``status`` and ``headers`` are set by ``begin``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}

    async def begin(self) -> None:
        """Read the response's head. Raises BadResponse."""
        with _as_bad_response():
            version, status, *_ = (await self._line()).split(" ", 2)
            if not version.startswith("HTTP/1."):
                raise ValueError(f"the version is {version}")
            self.status = int(status)
            while line := (await self._line()).strip():
                name, _, value = line.partition(":")
                self.headers[name.lower()] = value.strip()

    async def _line(self) -> str:
        """Read the next line of the head. ``readuntil`` raises on a line cut off, which could pass for a shorter or
        last one."""
        return (await self._reader.readuntil(b"\n")).decode("latin-1")

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises BadResponse when it is cut off."""
        with _as_bad_response():
            if self.headers.get("transfer-encoding", "").lower() == "chunked":
                while size := int(await self._line(), 16):
                    yield (await self._reader.readexactly(size + 2))[:-2]
                await self._reader.readline()
            elif "content-length" in self.headers:
                yield await self._reader.readexactly(int(self.headers["content-length"]))
            else:  # HTTP/1.0: the body ends with the connection
                while data := await self._reader.read(2**16):
                    yield data

    async def answer(self) -> HttpResponse:
        """Read the complete response. Raises BadResponse."""
        await self.begin()
        return HttpResponse(self.status, self.headers, (await self.body()).decode())

    async def body(self) -> bytes:
        """Read the complete body. Raises BadResponse."""
        return b"" if self.status == 204 else b"".join([chunk async for chunk in self.chunks()])

    def abort(self) -> None:
        """Cut the connection."""
        self._writer.transport.abort()


async def send(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> HttpExchange:
    """Send a request; a body gets the content type JSON. Raises OSError."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure or None)
    sent = {"host": parts.netloc, "connection": "close", **authorization()}
    if body is not None:
        sent |= {"content-type": "application/json", "content-length": str(len(body))}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (sent | (headers or {})).items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))
    return HttpExchange(reader, writer)


async def fetch(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Send a request and read the complete response. Raises OSError, BadResponse."""
    exchange = await send(method, url, body, headers)
    try:
        return await exchange.answer()
    finally:
        exchange.abort()


@contextlib.contextmanager
def _as_bad_response() -> Iterator[None]:
    try:
        yield
    except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as problem:
        raise BadResponse(str(problem)) from problem
