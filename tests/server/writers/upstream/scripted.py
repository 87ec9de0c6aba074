"""A server on this machine that speaks like each kind of upstream, with the faults that a test asks for.

Its model always writes ANSWER, a word for each token. It continues the beginning that a request has.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

from tests.accepted import all_accepted
from tests.server.writers.upstream.scripted_events import events, held, rest_of
from tests.server.writers.upstream.scripted_reply import MODEL, Reply, Seen, prompt_of, tokens_of

COUNTING: Final = ("/apply-template", "/tokenize")
"""Paths of llama-server about prompts."""

ANSWERING: Final = ("/v1/chat/completions", "/v1/completions", "/completion")


@contextlib.contextmanager
def held_port() -> Iterator[int]:
    """Yield a port that no other program gets. Connections are refused while no server has it."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


Plan = Callable[[Seen], Reply]


class Scripted:
    """Owns the server's thread. ``plan`` may be replaced at any time. ``port`` 0: a free one; else one of
    ``held_port``, so that several servers can have it one after the other."""

    def __init__(self, kind: str, plan: Plan = lambda seen: Reply(), port: int = 0) -> None:
        self.kind = kind
        self._port = port
        self.plan = plan
        self.seen: list[Seen] = []
        self.facts: dict[str, list[tuple[int, Any]]] = {}
        """Next responses to GET requests, by path: status, and a value or bytes."""
        self.left = threading.Event()
        """A client has closed its connection during an answer."""
        self.busy = 0
        """Slots that compute, as `/slots` tells."""
        self.looked = threading.Semaphore(0)
        """Released at each request for `/slots`."""
        self.listed = threading.Semaphore(0)
        """Released at each request for `/v1/models`."""
        self.url = ""
        self._asked: Counter[Any] = Counter()
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._wake = asyncio.Event()
        self._works = asyncio.Event()
        self._works.set()
        self._thread = threading.Thread(target=self._main, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    def release(self) -> None:
        """Continue every answer that is held."""
        self._loop.call_soon_threadsafe(self._wake.set)

    def hang(self) -> None:
        """Take requests from now on, and answer none until ``recover`` is called."""
        self._loop.call_soon_threadsafe(self._works.clear)

    def recover(self) -> None:
        """Answer requests again, also those that still wait."""
        self._loop.call_soon_threadsafe(self._works.set)

    def finish_all(self, seconds: float) -> None:
        """Wait until every request so far has its whole response in the socket."""

        async def finished() -> None:
            await asyncio.wait(self._clients.values())

        asyncio.run_coroutine_threadsafe(finished(), self._loop).result(seconds)

    @property
    def answers(self) -> list[Seen]:
        """The requests for answers."""
        return [each for each in self.seen if each.path in ANSWERING]

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, reuse_port=self._port > 0)
        self.url = "http://{}:{}".format(*server.sockets[0].getsockname()[:2])
        self._ready.set()
        await self._end.wait()
        await all_accepted()
        server.close()
        for writer in self._clients:
            writer.transport.abort()
        await asyncio.gather(*self._clients.values())

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = self._loop.create_task(self._client(reader, writer), name="client")

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if (first := await reader.readexactly(1)) == b"\x16":  # the beginning of TLS
                raise ConnectionAbortedError
            head = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
            before = self._asked[body.get("seed")]
            self._asked[body.get("seed")] += path in ANSWERING
            seen = Seen(path, headers, body, before)
            self.seen.append(seen)
            await self._respond(seen, method, reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _respond(
        self, seen: Seen, method: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not self._works.is_set() and await self._left(reader, self._works):
            return
        if method == "GET" or seen.path in COUNTING:
            planned = self.facts.get(seen.path)
            status, found = planned.pop(0) if planned else self._facts(seen.path, seen.body)
            _send(writer, status, {}, found if isinstance(found, bytes) else json.dumps(found).encode())
            await writer.drain()
            return
        reply = self.plan(seen)
        if reply.body is not None:
            _send(writer, reply.status, reply.headers, reply.body)
            await writer.drain()
            return
        await self._stream(seen, reply, reader, writer)

    def _facts(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if self.kind == "llama-server" and path in COUNTING:
            return 200, {"prompt": prompt_of(body["messages"])} if "messages" in body else {"tokens": tokens_of(body)}
        if path == "/v1/models":
            self.listed.release()
            owners = {"llama-server": "llamacpp", "ollama": "library", "lmstudio": "organization_owner"}
            return 200, {"data": [{"id": MODEL, "owned_by": owners.get(self.kind, self.kind), "max_model_len": 4096}]}
        if self.kind == "llama-server" and path == "/props":
            return 200, {"default_generation_settings": {"n_ctx": 2048}, "total_slots": 3}
        if self.kind == "llama-server" and path == "/slots":
            self.looked.release()
            return 200, [{"id": number, "is_processing": number < self.busy} for number in range(3)]
        if self.kind == "lmstudio" and path == "/api/v0/models":
            return 200, {"data": []}
        return 404, {"error": {"message": f"{path} is not here"}}

    async def _stream(
        self, seen: Seen, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        if reply.pace:
            await self._paced(seen, reply, reader, writer)
            return
        body = b"".join(held(seen, reply)) if reply.raw is None else reply.raw
        data = body if reply.cut is None else body[: reply.cut]
        for part in [bytes([byte]) for byte in data] if reply.bytewise else [data] if data else []:
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await writer.drain()
        if reply.cut is not None and reply.cut < len(body):
            writer.transport.abort()
            return
        if reply.hold is not None and reply.error is None:
            if await self._left(reader, self._wake):
                self.left.set()
                return
            rest = b"".join(rest_of(events(seen, reply), reply.hold))
            writer.write(b"%x\r\n%s\r\n" % (len(rest), rest))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _paced(
        self, seen: Seen, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Write the events one by one, until the client leaves."""
        self.busy += 1
        try:
            for _, event in events(seen, reply):
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                await writer.drain()
                await asyncio.sleep(reply.pace - (self._loop.time() % reply.pace if reply.in_step else 0.0))
                if reader.at_eof() or self._end.is_set():
                    return
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        finally:
            self.busy -= 1

    async def _left(self, reader: asyncio.StreamReader, resumed: asyncio.Event) -> bool:
        """Wait until the client leaves (True) or ``resumed`` is set."""
        gone = self._loop.create_task(reader.read(), name="gone")
        woken = self._loop.create_task(resumed.wait(), name="woken")
        ended = self._loop.create_task(self._end.wait(), name="ended")
        await asyncio.wait((gone, woken, ended), return_when=asyncio.FIRST_COMPLETED)
        for task in (gone, woken, ended):
            task.cancel()
        return not resumed.is_set()


def _send(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: bytes) -> None:
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"HTTP/1.1 {status} Scripted\r\n{head}Connection: close\r\n\r\n".encode() + body)
