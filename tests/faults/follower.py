"""A client of the HTTP channel that recovers by itself: it reads a generation to its end over any number of
channels."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from protocol.conformance.channel_wire import ChannelWire, EventWire, PollWire
from protocol.conformance.wire import Ended, Refused, Unreachable
from protocol.cursor import Cursor
from protocol.messages import Attach, ClientMessage, Done, Error, Generate, ServerMessage
from protocol.session import ClientSession

OPEN_SECONDS: Final = 60.0

Channel = Literal["sse", "poll"]


class Follower:
    """Owns the cursor, and checks the messages against it: a gap, a repetition, a second `done` or a wrong sha256
    raises.

    ``url``: address of the server, or of a proxy in front of it. ``shown``: the text after each time it grew.
    """

    def __init__(self, channel: Channel, url: str, body: Generate) -> None:
        self.body = body
        self.id = str(body.id)
        self.cursors: dict[str, Cursor] = {}
        self.shown: list[str] = []
        self.channels = 0
        self._channel = channel
        self._url = f"{url}/channel"

    @property
    def text(self) -> str:
        return self.cursors[self.id].text

    async def done(self) -> Done:
        """Read to the end; return the `done`."""
        while True:
            self.channels += 1
            wire = (EventWire if self._channel == "sse" else PollWire)(self._url)
            try:
                await wire.open(OPEN_SECONDS)
            except (Refused, Unreachable):
                await asyncio.sleep(0.001)  # the server may be starting
                continue
            try:
                return await self._read(wire)
            except Ended:
                continue
            finally:
                await wire.close()

    async def _read(self, wire: ChannelWire) -> Done:
        session = ClientSession(self.cursors)
        self._take(session, await wire.receive())
        await wire.send(session.send(self._request()))
        while True:
            for message in self._take(session, await wire.receive()):
                if isinstance(message, Error):
                    raise AssertionError(f"{self.id}: {message}")
                if isinstance(message, Done):
                    return message

    def _take(self, session: ClientSession, frame: str) -> list[ServerMessage]:
        messages = session.receive(frame)
        if self.id in self.cursors and self.text:
            self.shown.append(self.text)
        return messages

    def _request(self) -> ClientMessage:
        """Return the next request. Like the Python client, send `generate` with the same id until it was accepted."""
        cursor = self.cursors.get(self.id)
        return self.body if cursor is None else Attach(id=self.id, epoch=cursor.epoch, after=cursor.seq)
