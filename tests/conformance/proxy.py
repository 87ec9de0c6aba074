"""A proxy in front of the real server that changes frames.

A Fault handles one connection. ``incoming`` and ``outgoing`` take a frame to or from the real server, and return the
frames to forward in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, ClassVar, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from protocol.messages import PROTOCOL
from tests.accepted import all_accepted

Frame = str | bytes
Message = dict[str, Any]
BROKEN_CODES: Final = (1005, 1006, 1015)  # never sent, only seen


class Fault:
    """Forwards everything unchanged. ``rule``: the section or MUST that a subclass breaks; ``or_rule``: its other name.

    ``alone``: the case that catches it needs an idle server.
    """

    rule: ClassVar[str] = ""
    or_rule: ClassVar[str] = ""
    alone: ClassVar[bool] = False
    any_subprotocol: ClassVar[bool] = False
    plain: bool = False
    keep_open: ClassVar[bool] = False

    def incoming(self, frame: Frame) -> list[Frame]:
        if isinstance(frame, bytes) or self.plain:
            return [frame]
        try:
            lines = [json.loads(line) for line in frame.split("\n")]
        except (ValueError, RecursionError):
            return [frame]
        if not all(isinstance(message, dict) for message in lines):
            return [frame]
        kept = [kept for message in lines for kept in self.asked(message)]
        return [frame] if kept == lines else ["\n".join(map(dumps, kept))] if kept else []

    def outgoing(self, frame: Frame) -> list[Frame]:
        if isinstance(frame, bytes) or self.plain:
            return [frame]
        message = json.loads(frame)
        answers = self.said(message)
        return [frame] if answers == [message] else [dumps(answer) for answer in answers]

    def asked(self, message: Message) -> list[Message]:
        """Return the messages to send to the real server in place of ``message``."""
        return [message]

    def said(self, message: Message) -> list[Message]:
        """Return the messages to send to the client in place of ``message``."""
        return [message]

    def close_code(self, code: int) -> int:
        return code


class HangUp(Exception):
    """Raised by a fault to end the connection."""


def dumps(message: Message) -> str:
    return json.dumps(message, separators=(",", ":"))


@contextlib.asynccontextmanager
async def proxy(upstream: str, fault: type[Fault]) -> AsyncIterator[int]:
    """Listen on a free port, and forward each connection to ``upstream`` through its own fault."""

    async def handle(client: ServerConnection) -> None:
        assert client.request is not None
        query = client.request.path.partition("?")[2]
        offered = [Subprotocol(client.subprotocol)] if client.subprotocol == PROTOCOL else None
        broken = fault()
        broken.plain = "plain=1" in query
        url = f"{upstream}?{query}" if query else upstream
        async with connect(url, subprotocols=offered, max_size=None, ping_interval=None, proxy=None) as server:
            await _pass_on(client, server, broken)

    def check(connection: ServerConnection, request: Request) -> Response | None:
        offered = request.headers.get("Sec-WebSocket-Protocol")
        if offered is None or fault.any_subprotocol or PROTOCOL in [name.strip() for name in offered.split(",")]:
            return None
        return connection.respond(HTTPStatus.BAD_REQUEST, f"offer {PROTOCOL}\n")

    def choose(connection: ServerConnection, offered: Any) -> Subprotocol | None:
        return next((name for name in offered if name == PROTOCOL or fault.any_subprotocol), None)

    async with serve(
        handle,
        "127.0.0.1",
        0,
        process_request=check,
        select_subprotocol=choose,
        max_size=None,
        ping_interval=None,
        compression=None,
        close_timeout=1,
    ) as listening:
        try:
            yield next(iter(listening.sockets)).getsockname()[1]
        finally:
            await all_accepted()


async def _pass_on(client: ServerConnection, server: ClientConnection, fault: Fault) -> None:
    async def upward() -> None:
        try:
            while True:
                for frame in fault.incoming(await client.recv()):
                    await server.send(frame)
        except ConnectionClosed:
            await server.close()

    async def downward() -> None:
        try:
            while True:
                for frame in fault.outgoing(await server.recv()):
                    await client.send(frame)
        except ConnectionClosed:
            if fault.keep_open and server.close_code != 1000:
                return
            code = fault.close_code(server.close_code or 1006)
            if code not in BROKEN_CODES:
                await client.close(code)
        except HangUp:
            await client.close(1011)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(upward(), name="upward")
        tasks.create_task(downward(), name="downward")
