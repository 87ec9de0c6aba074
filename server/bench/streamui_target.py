"""A StreamUI server under load: one WebSocket per answer, as many users would have."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from protocol import codec
from protocol.messages import (
    Accepted,
    Alternatives,
    AlternativesRequest,
    Cancel,
    ChatMessage,
    Done,
    DoneReason,
    Draft,
    Error,
    ForkPoint,
    Generate,
    Params,
    ServerMessage,
    Status,
    Steer,
    Steered,
    Token,
    Tune,
    Tuned,
    Welcome,
)
from server.bench.bench_error import BenchError
from server.bench.measures.crowd import ProcessUsage
from server.bench.sampling import sampling
from server.bench.target import ServerCounters
from server.bench.timed_answer import TimedAnswer


class StreamUI:
    """The server at ``url``. ``raw``: prompts skip the model's chat template."""

    acknowledges = True
    two_way = True

    def __init__(self, url: str, *, raw: bool, ends: tuple[int, ...]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._health, self._metrics = f"{url}/healthz", f"{url}/metrics"
        self._raw, self._ends = raw, ends

    async def connect(self) -> SocketLine:
        address = f"ws://{self._host}:{self._port}/ws"
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(
                lambda: SocketLine(address, self._raw, self._ends), self._host, self._port
            )
        except OSError as error:
            raise BenchError(f"can't connect to {address}: {error.strerror or error}") from None
        await line.opened
        return line

    async def counters(self) -> ServerCounters:
        return ServerCounters.of((await asyncio.to_thread(self._read_health))["engine"])

    async def usage(self) -> ProcessUsage:
        """Return the current resources of the server's process."""
        return usage_of(await asyncio.to_thread(self._read_metrics))

    def _read_metrics(self) -> str:
        try:
            with urllib.request.urlopen(self._metrics, timeout=60) as response:  # nosec B310
                return str(response.read().decode())
        except OSError as error:
            raise BenchError(f"{self._metrics}: {error}") from None

    def _read_health(self) -> dict[str, Any]:
        try:
            # The URL's scheme is always http.
            with urllib.request.urlopen(self._health, timeout=60) as response:  # nosec B310
                body: dict[str, Any] = json.load(response)
                return body
        except OSError as error:
            raise BenchError(f"{self._health}: {error}") from None


def usage_of(metrics: str) -> ProcessUsage:
    """Parse the text of `/metrics`. Raises BenchError on systems without memory and file counts."""
    values = dict(line.split(" ", 1) for line in metrics.splitlines() if line.startswith("process_"))
    try:
        return ProcessUsage(int(float(values["process_resident_memory_bytes"])), int(float(values["process_open_fds"])))
    except KeyError as missing:
        raise BenchError(f"/metrics has no {missing}: it exists on Linux only") from None


class SocketLine(asyncio.Protocol):
    """One WebSocket over websockets' I/O-free protocol, so that no layer delays the clock."""

    def __init__(self, address: str, raw: bool, ends: tuple[int, ...]) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._socket = ClientProtocol(parse_uri(address), max_size=None)
        self._raw, self._ends = raw, ends
        self._answer: TimedAnswer | None = None
        self._id = ""
        self._alternatives: asyncio.Future[float] | None = None
        self._stopped = False
        self._text = b""

    # Line

    def ask(self, prompt: str, max_tokens: int) -> TimedAnswer:
        return self._ask(Generate(prompt=prompt, raw=self._raw), max_tokens)

    def ask_message(self, text: str, max_tokens: int) -> TimedAnswer:
        return self._ask(Generate(messages=_message(text)), max_tokens)

    def draft(self, text: str) -> None:
        self._send(codec.encode(Draft(messages=_message(text))))

    def steer(self, instruction: str) -> float:
        return self._change(Steer(id=self._id, content=instruction))

    def tune(self, temperature: float) -> float:
        return self._change(Tune(id=self._id, params=Params(temperature=temperature)))

    async def alternatives(self, seq: int) -> float:
        self._alternatives = asyncio.get_running_loop().create_future()
        self._send(codec.encode(AlternativesRequest(id=self._id, seq=seq)))
        return await self._alternatives

    def fork(self, seq: int, max_tokens: int) -> TimedAnswer:
        return self._ask(Generate(from_=ForkPoint(id=self._id, seq=seq)), max_tokens, given=seq - 1)

    def _change(self, message: Steer | Tune) -> float:
        sent = time.perf_counter()
        self._send(codec.encode(message))
        return sent

    def _ask(self, request: Generate, max_tokens: int, given: int = 0) -> TimedAnswer:
        params = Params(**sampling(max_tokens, self._ends))
        frame = codec.encode(replace(request, params=params, on_detach_ms=0))
        self._answer, self._stopped = TimedAnswer(time.perf_counter(), max_tokens, given), False
        self._send(frame)
        return self._answer

    def stop(self) -> float:
        sent, self._stopped = time.perf_counter(), True
        self._send(codec.encode(Cancel()))
        return sent

    def close(self) -> None:
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._socket.send_request(self._socket.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._socket.receive_data(data)
        self._flush()  # answers pings
        for event in self._socket.events_received():
            if isinstance(event, Frame):
                self._on_frame(event, now)
        if self._socket.handshake_exc is not None and not self.opened.done():
            self.opened.set_exception(_refused(self._socket.handshake_exc))

    def eof_received(self) -> None:
        self._socket.receive_eof()

    def connection_lost(self, problem: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(BenchError("the server closed the socket before it said welcome"))
        if self._answer is not None:
            self._answer.end(time.perf_counter(), "the server closed the socket in the middle of an answer")

    # Frames

    def _on_frame(self, frame: Frame, now: float) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return
        self._text += frame.data
        if frame.fin:
            text, self._text = bytes(self._text), b""
            for message in codec.decode_server(text.decode()):
                self._on_message(message, now)

    def _on_message(self, message: ServerMessage, now: float) -> None:
        answer = self._answer
        if isinstance(message, Welcome) and not self.opened.done():  # a cancelled bench has cancelled the future
            self.opened.set_result(None)
        if answer is None:
            return
        match message:
            case Token():
                answer.arrived(now, message.text, message.n)
            case Steered() | Tuned():
                answer.changed(now)
            case Accepted():
                self._id = message.id
            case Alternatives() if self._alternatives is not None:
                self._alternatives.set_result(now)
            case Status(done=int(read)):
                answer.read = read
            case Done():
                answer.tokens, answer.prompt_tokens = message.usage.completion_tokens, message.usage.prompt_tokens
                answer.stop_ms = message.timings.stop
                answer.end(now, self._problem(message))
            case Error():
                answer.end(now, message.message)
                if self._alternatives is not None and not self._alternatives.done():
                    self._alternatives.set_exception(BenchError(message.message))

    def _problem(self, done: Done) -> str | None:
        if done.reason is DoneReason.CANCELLED and not self._stopped:
            return "our server cancelled an answer that was not stopped"
        return done.error.message if done.error else None

    def _send(self, text: str) -> None:
        self._socket.send_text(text.encode())
        self._flush()

    def _flush(self) -> None:
        for data in self._socket.data_to_send():
            if data:
                self._transport.write(data)


def _message(text: str) -> tuple[ChatMessage, ...]:
    return (ChatMessage(role="user", content=text),)


def _refused(problem: Exception) -> BenchError:
    reason = str(problem) if isinstance(problem, InvalidHandshake) else f"{type(problem).__name__}: {problem}"
    return BenchError(f"the server opened no WebSocket: {reason}")
