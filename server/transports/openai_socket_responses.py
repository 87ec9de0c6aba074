"""Responses of one WebSocket: written, steered, and kept for it if they are not stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
from starlette.websockets import WebSocket

from protocol.errors import RemoteProtocolError
from server.generations.registry import Registry
from server.guard.principal import principal_of
from server.openai.errors import error_reply
from server.openai.items import Item
from server.openai.response_answer import COMPLETED
from server.openai.response_note import encoded_note
from server.openai.response_request import ResponseRequest, steered_request
from server.openai.socket_frames import Create, SteerFrame, error_frame
from server.openai.steering import MAX_PENDING, Steer, read_steer, refused_steer, steer_failed
from server.transports.openai_response_reader import ResponseReader
from server.transports.openai_response_start import response_start, start_response
from server.transports.openai_stored import StoredResponse, find_response, previous_items

KEPT: Final = 32
"""Number of responses that a connection keeps though they are not stored: the newest ones."""

Send = Callable[[dict[str, Any], str | None], Awaitable[None]]
"""Function that sends an event in a lane."""


@dataclass
class _Running:
    """A response that is being written. ``lock`` is held while new input is accepted, and at its end."""

    response: StoredResponse
    asked: ResponseRequest
    lane: str | None
    reader: ResponseReader
    steers: list[Steer] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def items(self) -> list[Item]:
        """Input of all steers."""
        return [item for steer in self.steers for item in steer.items]


class SocketResponses:
    """Owned by one socket: the responses that it writes, and those that only it knows."""

    def __init__(self, websocket: WebSocket, send: Send) -> None:
        self._websocket = websocket
        self._send = send
        self._running: dict[str, _Running] = {}
        self._own: dict[str, StoredResponse] = {}
        self._waiting: dict[str, _Running] = {}
        """Responses that ended with calls, whose steers wait for the request with the results."""

    async def create(self, create: Create) -> None:
        """Carry out a request: send the events of its response, and of those that follow by steering."""
        received = time.monotonic()
        try:
            asked = create.request()
            response, asked = await self._start(asked, received)
        except RemoteProtocolError as error:
            await self._send(error_frame(error_reply(error)), create.lane)
            return
        following: _Running | None = self._begun(response, asked, create.lane)
        while following:
            following = await self._write(following)

    async def steer(self, frame: SteerFrame) -> None:
        """Stop a running response, so that the next one begins with new input."""
        running = self._running.get(frame.previous)
        lane = running.lane if running else None
        try:
            steer = read_steer(frame.previous, frame.fields)
        except RemoteProtocolError as error:
            await self._send(refused_steer(frame.previous, frame.fields, error), lane)
            return
        if running is None:
            code, text = "response_not_found", "this connection has no such response"
            if frame.previous in self._own or find_response(self._websocket, frame.previous):
                code, text = "response_already_completed", "it has ended, or another connection reads it"
            await self._send(steer_failed(steer.previous, steer.given, code, text, 0), None)
            return
        async with running.lock:
            await self._accept(running, steer)

    async def _accept(self, running: _Running, steer: Steer) -> None:
        generation, sequence = running.response.generation, running.reader.answer.sequence
        code, text = "", ""
        if generation.log.done:
            code, text = "response_already_completed", "it ended before the input arrived"
        elif generation.cancel_received is not None and not running.steers:
            code, text = "response_not_active", "it is being stopped"
        elif len(running.steers) >= MAX_PENDING:
            code, text = "too_many_pending_steers", f"{MAX_PENDING} inputs wait for its end already"
        if code:
            failed = steer_failed(steer.previous, steer.given, code, text, sequence)
            await self._send(failed, running.lane)
            return
        running.steers.append(steer)
        await self._send(steer.accepted(sequence), running.lane)
        if len(running.steers) == 1 and not generation.log.done:
            self._stop(running)

    def _stop(self, running: _Running) -> None:
        registry: Registry = self._websocket.app.state.registry
        generation, note = running.response
        running.reader.answer.steered = True
        if generation.note:
            registry.annotate(generation, encoded_note(msgspec.structs.replace(note, steered=True)))
        registry.cancel(generation.id, time.monotonic(), principal=principal_of(self._websocket.scope))

    async def _start(self, asked: ResponseRequest, received: float) -> tuple[StoredResponse, ResponseRequest]:
        """Start a response. Returns it with the request, to which input that waited for it is added.

        Raises RemoteProtocolError.
        """
        waiting = self._waiting.pop(asked.previous or "", None)
        whole = replace(asked, items=(*waiting.items, *asked.items)) if waiting else asked
        try:
            start = response_start(self._websocket, whole, await self._items_before(asked.previous))
            return await start_response(self._websocket, start, received), whole
        except RemoteProtocolError:
            if waiting:
                self._waiting[waiting.response.generation.id] = waiting
            raise

    async def _items_before(self, previous: str | None) -> list[Item]:
        if previous is not None and (own := self._own.get(previous)):
            return await own.items()
        return await previous_items(self._websocket, previous)

    def _begun(self, response: StoredResponse, asked: ResponseRequest, lane: str | None) -> _Running:
        """Read a response that was started just now: before the next await."""
        running = _Running(response, asked, lane, ResponseReader(response))
        self._running[response.generation.id] = running
        if not asked.store:
            self._own[response.generation.id] = response
            while len(self._own) > KEPT:
                del self._own[next(iter(self._own))]
        return running

    async def _write(self, running: _Running) -> _Running | None:
        """Send the events of a response. Returns the one that follows by steering."""
        try:
            with closing(running.reader):
                async for events in running.reader.events():
                    for event in events:
                        await self._send(event, running.lane)
            async with running.lock:  # input that is being accepted is confirmed before the next response begins
                pass
        finally:
            del self._running[running.response.generation.id]
        return await self._follow(running) if running.steers else None

    async def _follow(self, running: _Running) -> _Running | None:
        """Start the response that begins with the input of ``running``'s steers.

        After a whole call there is none yet: its result comes first, in a request of the client.
        """
        if calls := await _open_calls(running.response):
            await self._wait(running, calls)
            return None
        try:
            history = await running.response.items()
            asked = steered_request(running.asked, running.response.generation.id, running.items)
            start = response_start(self._websocket, asked, history)
            response = await start_response(self._websocket, start, time.monotonic())
        except RemoteProtocolError as error:
            await self._give_back(running, error.message)
            return None
        return self._begun(response, asked, running.lane)

    async def _wait(self, running: _Running, calls: list[Item]) -> None:
        """Keep the steers of a response for the request with the results of its calls."""
        self._waiting[running.response.generation.id] = running
        for steer in running.steers:
            await self._send(steer.pending(calls, running.reader.answer.sequence), running.lane)
        while len(self._waiting) > KEPT:
            oldest = self._waiting.pop(next(iter(self._waiting)))
            await self._give_back(oldest, "too many inputs of this connection wait for the results of calls")

    async def _give_back(self, running: _Running, reason: str) -> None:
        for steer in running.steers:
            await self._send(steer.failed("successor_creation_failed", reason, 0), running.lane)


async def _open_calls(response: StoredResponse) -> list[Item]:
    """Return the calls with which a response has ended normally."""
    found = await response.now()
    return [item for item in found["output"] if item["type"] == "function_call"] if found["status"] == COMPLETED else []
