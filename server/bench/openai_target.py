"""Any OpenAI-compatible server under load: a streamed completion over plain HTTP per answer."""

from __future__ import annotations

import asyncio
import http.client
import time
from typing import Any, Literal
from urllib.parse import urlsplit

import h11
import msgspec

from server.bench.bench_error import BenchError
from server.bench.sampling import sampling
from server.bench.timed_answer import TimedAnswer

Api = Literal["completions", "chat"]
APIS: dict[Api, str] = {"completions": "/v1/completions", "chat": "/v1/chat/completions"}


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    text: str | None = None
    delta: _Delta | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


class OpenAI:
    """The server at ``url``. An answer is stopped by closing the connection, which the server does not acknowledge."""

    acknowledges = False
    two_way = False

    def __init__(self, url: str, *, api: Api, ends: tuple[int, ...], model: str = "bench") -> None:
        self._host, self._port, path = _address(url)
        self._url = url.rstrip("/").removesuffix("/v1")
        self._path = path.rstrip("/").removesuffix("/v1") + APIS[api]
        self._api, self._ends, self._model = api, ends, model

    async def connect(self) -> HttpLine:
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(lambda: HttpLine(self), self._host, self._port)
        except OSError as error:
            raise BenchError(f"can't connect to {self._url}: {error.strerror or error}") from None
        return line

    async def counters(self) -> None:
        return None

    async def status(self, path: str) -> int | None:
        """Return the status code of a GET; None when nothing answers."""
        return await asyncio.to_thread(self._get, path)

    def _get(self, path: str) -> int | None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def request(self, prompt: str, max_tokens: int) -> tuple[h11.Request, bytes]:
        asked = (
            {"prompt": prompt} if self._api == "completions" else {"messages": [{"role": "user", "content": prompt}]}
        )
        wanted = {"model": self._model, "stream": True, "stream_options": {"include_usage": True}}
        body = msgspec.json.encode({**wanted, **asked, **sampling(max_tokens, self._ends)})
        headers = [
            ("Host", f"{self._host}:{self._port}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        return h11.Request(method="POST", target=self._path, headers=headers), body

    def refusal(self, status: int, body: bytes) -> str:
        hint = "; try the other --against-api" if status == 404 else ""
        text = " ".join(body.decode("utf-8", "replace").split())[:300]
        return f"{self._url}{APIS[self._api]} answered {status}{hint}: {text}"


def _address(url: str) -> tuple[str, int, str]:
    """Parse host, port and path. Raises BenchError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host = None
    if not host or parts.scheme != "http":
        raise BenchError(f"--against {url}: not an address such as http://127.0.0.1:8080 (plain HTTP)")
    return host, port, parts.path


class HttpLine(asyncio.Protocol):
    """One HTTP connection for one streamed completion."""

    def __init__(self, server: OpenAI) -> None:
        self._server = server
        self._http = h11.Connection(h11.CLIENT)
        self._answer: TimedAnswer | None = None
        self._status = 0
        self._unread = b""
        self._usage: _Usage | None = None
        self._decode = msgspec.json.Decoder(_Chunk).decode

    # Line

    def ask(self, prompt: str, max_tokens: int) -> TimedAnswer:
        request, body = self._server.request(prompt, max_tokens)
        parts = (self._http.send(part) for part in (request, h11.Data(data=body), h11.EndOfMessage()))
        data = b"".join(part for part in parts if part)
        self._answer = TimedAnswer(time.perf_counter(), max_tokens)
        self._transport.write(data)
        return self._answer

    def stop(self) -> float:
        now = time.perf_counter()
        if self._answer is not None:
            self._answer.end(now)
        self.close()
        return now

    def close(self) -> None:
        self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        try:
            self._http.receive_data(data)
            while (event := self._http.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                self._on_event(event, now)
                if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                    return
        except (h11.RemoteProtocolError, msgspec.DecodeError) as error:
            self._end(now, f"the server's answer can't be read: {error}")

    def connection_lost(self, problem: Exception | None) -> None:
        self._end(time.perf_counter(), "the server closed the connection in the middle of an answer")

    def _on_event(self, event: Any, now: float) -> None:
        if isinstance(event, h11.Response):
            self._status = event.status_code
        elif isinstance(event, h11.Data):
            self._unread += event.data
            if self._status == 200:
                self._on_lines(now)
        elif isinstance(event, h11.EndOfMessage):
            self._end(now, None if self._status == 200 else self._server.refusal(self._status, self._unread))

    def _on_lines(self, now: float) -> None:
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data = line[5:].strip()
                if data == b"[DONE]":
                    self._end(now)
                else:
                    self._on_chunk(self._decode(data), now)

    def _on_chunk(self, chunk: _Chunk, now: float) -> None:
        answer = self._answer
        if answer is None or answer.ended is not None:
            return
        if chunk.error is not None:
            return self._end(now, f"the server failed: {chunk.error}")
        self._usage = chunk.usage or self._usage
        for choice in chunk.choices:
            text = choice.text or (choice.delta and choice.delta.content)
            if text:
                answer.arrived(now, text)

    def _end(self, now: float, error: str | None = None) -> None:
        answer = self._answer
        if answer is None or answer.ended is not None:
            return
        answer.tokens = self._usage.completion_tokens if self._usage else answer.pieces
        answer.prompt_tokens = self._usage.prompt_tokens if self._usage else 0
        answer.end(now, error)
