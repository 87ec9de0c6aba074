"""A small HTTP/1.1 client on asyncio's streams: one request for each connection, its response as it comes.

The kit needs to see a response grow and to cut it off, and no package that the server needs anyway does that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from protocol.conformance.credentials import authorization


class BadResponse(Exception):
    """What came is no HTTP/1.1 response, or it was cut off."""


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: str


class Exchange:
    """One request and its response. ``status`` and ``headers`` are known after ``begin``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}

    async def begin(self) -> None:
        """Read the head. Raises BadResponse."""
        with _told():
            version, status, *_ = (await self._line()).split(" ", 2)
            if not version.startswith("HTTP/1."):
                raise ValueError(f"the version is {version}")
            self.status = int(status)
            while line := (await self._line()).strip():
                name, _, value = line.partition(":")
                self.headers[name.lower()] = value.strip()

    async def _line(self) -> str:
        """The next line of the head. One that is cut off would else pass for a shorter one, or for the last."""
        return (await self._reader.readuntil(b"\n")).decode("latin-1")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, as it comes. Raises BadResponse when it is cut off."""
        with _told():
            if self.headers.get("transfer-encoding", "").lower() == "chunked":
                while size := int(await self._line(), 16):
                    yield (await self._reader.readexactly(size + 2))[:-2]
                await self._reader.readline()
            elif "content-length" in self.headers:
                yield await self._reader.readexactly(int(self.headers["content-length"]))
            else:  # HTTP/1.0: the end of the connection is that of the body
                while data := await self._reader.read(2**16):
                    yield data

    async def answer(self) -> Answer:
        """The whole response. Raises BadResponse."""
        await self.begin()
        return Answer(self.status, self.headers, (await self.body()).decode())

    async def body(self) -> bytes:
        """All of the body. Raises BadResponse."""
        return b"" if self.status == 204 else b"".join([chunk async for chunk in self.chunks()])

    def abort(self) -> None:
        """Cut the connection."""
        self._writer.transport.abort()


async def send(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Exchange:
    """Send a request; a body is said to be JSON. Raises OSError."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure or None)
    told = {"host": parts.netloc, "connection": "close", **authorization()}
    if body is not None:
        told |= {"content-type": "application/json", "content-length": str(len(body))}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (told | (headers or {})).items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))
    return Exchange(reader, writer)


async def fetch(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """Send a request and read all of the response. Raises OSError, BadResponse."""
    exchange = await send(method, url, body, headers)
    try:
        return await exchange.answer()
    finally:
        exchange.abort()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as problem:
        raise BadResponse(str(problem)) from problem
